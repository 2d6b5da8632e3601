package import NIOCore

extension AggregateReport {
    package static let namespace = "urn:ietf:params:xml:ns:dmarc-2.0"

    // Elements in the order of the schema (RFC 9990 Appendix A).
    /// As it is sent, in UTF-8. Texts that are empty are left out, but those that must be there.
    package var xml: ByteBuffer {
        var xml = XMLWriter()
        xml.element("feedback", "xmlns=\"\(AggregateReport.namespace)\"") { xml in
            xml.text("version", "1.0")
            xml.element("report_metadata") { xml in
                xml.text("org_name", organization)
                xml.text("email", email)
                xml.optional("extra_contact_info", contact)
                xml.text("report_id", id)
                xml.element("date_range") { xml in
                    xml.text("begin", "\(begin)")
                    xml.text("end", "\(end)")
                }
                for error in errors { xml.text("error", error) }
                xml.optional("generator", generator)
            }
            xml.element("policy_published") { policy.write(to: &$0) }
            for record in records { xml.element("record") { record.write(to: &$0) } }
        }
        return xml.octets
    }
}

extension AggregateReport.Policy {
    fileprivate func write(to xml: inout XMLWriter) {
        xml.text("domain", domain)
        xml.optional("discovery_method", discoveryMethod)
        xml.text("p", policy)
        xml.optional("sp", subdomainPolicy)
        xml.optional("np", missingDomainPolicy)
        xml.optional("fo", failureOptions)
        xml.optional("adkim", dkimAlignment)
        xml.optional("aspf", spfAlignment)
        xml.optional("testing", testing)
    }
}

extension AggregateReport.Record {
    fileprivate func write(to xml: inout XMLWriter) {
        xml.element("row") { xml in
            xml.text("source_ip", source)
            xml.text("count", "\(count)")
            xml.element("policy_evaluated") { xml in
                xml.text("disposition", disposition)
                xml.text("dkim", dkim)
                xml.text("spf", spf)
                for override in overrides {
                    xml.element("reason") { xml in
                        xml.text("type", override.kind)
                        xml.optional("comment", override.comment)
                    }
                }
            }
        }
        xml.element("identifiers") { xml in
            xml.text("header_from", headerFrom)
            if let envelopeFrom { xml.text("envelope_from", envelopeFrom) }
            if let envelopeTo { xml.text("envelope_to", envelopeTo) }
        }
        xml.element("auth_results") { xml in
            for signature in signatures {
                xml.element("dkim") { xml in
                    xml.text("domain", signature.domain)
                    xml.text("selector", signature.selector)
                    xml.text("result", signature.result)
                }
            }
            for check in spfChecks {
                xml.element("spf") { xml in
                    xml.text("domain", check.domain)
                    xml.optional("scope", check.scope)
                    xml.text("result", check.result)
                }
            }
        }
    }
}

/// Writes elements, each on a line of its own.
private struct XMLWriter {
    private(set) var octets = ByteBuffer(string: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
    private var depth = 0

    mutating func element(_ name: String, _ attributes: String? = nil, _ content: (inout XMLWriter) -> Void) {
        indent()
        octets.writeString("<\(name)\(attributes.map { " " + $0 } ?? "")>\n")
        depth += 1
        content(&self)
        depth -= 1
        indent()
        octets.writeString("</\(name)>\n")
    }

    mutating func text(_ name: String, _ text: String) {
        indent()
        octets.writeString("<\(name)>\(XMLWriter.escaped(text))</\(name)>\n")
    }

    mutating func optional(_ name: String, _ text: String) { if !text.isEmpty { self.text(name, text) } }

    private mutating func indent() { octets.writeRepeatingByte(0x20, count: 2 * depth) }

    // Char = #x9 / #xA / #xD / [#x20-#xD7FF] / [#xE000-#xFFFD] / [#x10000-#x10FFFF]          (XML 1.0 §2.2)
    private static func escaped(_ text: String) -> String {
        var written = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": written += "&amp;"
            case "<": written += "&lt;"
            case ">": written += "&gt;"
            case "\u{0}"..<" ", "\u{FFFE}", "\u{FFFF}": written += "?"
            default: written.unicodeScalars.append(scalar)
            }
        }
        return written
    }
}
