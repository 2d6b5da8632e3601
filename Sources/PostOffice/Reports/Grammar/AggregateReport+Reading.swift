package import NIOCore

extension AggregateReport {
    package enum Fault: Error, Hashable, Sendable {
        /// XML's own.
        case notXML(XMLReader.Fault)
        /// Another document, or one without a domain and a time.
        case noReport
        /// A record does not say of how many messages it is.
        case noCount

        /// In one line.
        package var words: String {
            switch self {
            case .notXML(.malformed): "its elements do not close as they opened"
            case .notXML(.hasDocumentType): "it declares a document type"
            case .notXML(.tooDeep): "its elements lie too deep within each other"
            case .noReport: "it is another document, or has no domain or no time"
            case .noCount: "a record does not say of how many messages it is"
            }
        }
    }

    /// Octets of a field's text that are kept.
    fileprivate static let mostText = 512

    /// Reads what others write: RFC 9990, RFC 7489, and the drafts before it. Elements are found by their names and those around them, in any order, whatever the namespace;
    /// what is not known is passed over. In time that grows with the octets.
    package init(_ octets: ByteBuffer) throws(Fault) {
        self.init()
        var xml = XMLReader(AggregateReport.inUTF8(octets))
        var path: [String] = []
        var text = ""
        var isFound = false
        // Of the record that is being read.
        var isCounted = false
        var isMiscounted = false
        do throws(XMLReader.Fault) {
            while let event = try xml.next() {
                switch event {
                case .begin(let name):
                    if path.isEmpty, name != "feedback" { break }
                    path.append(name)
                    isFound = true
                    text = ""
                    begin(path)
                case .text(let piece): if text.utf8.count < AggregateReport.mostText { text += piece }
                case .end:
                    let value = AggregateReport.trimmed(text)
                    set(path, value)
                    if path == AggregateReport.recordPath {
                        if !isCounted { isMiscounted = true }
                        isCounted = false
                    } else if path == AggregateReport.countPath {
                        if AggregateReport.count(value) == nil { isMiscounted = true }
                        isCounted = true
                    }
                    text = ""
                    if !path.isEmpty { path.removeLast() }
                }
                if !isFound { break }
            }
        } catch { throw .notXML(error) }
        if isMiscounted { throw .noCount }
        guard isFound, !policy.domain.isEmpty, begin > 0 else { throw .noReport }
    }

    /// Some write UTF-16, which its mark tells.
    private static func inUTF8(_ octets: ByteBuffer) -> [UInt8] {
        let all = Array(octets.readableBytesView)
        guard all.starts(with: [0xFF, 0xFE]) || all.starts(with: [0xFE, 0xFF]) else { return all }
        let isLittle = all[0] == 0xFF
        var units: [UInt16] = []
        units.reserveCapacity(all.count / 2)
        for place in stride(from: 2, to: all.count - 1, by: 2) {
            let (first, second) = (UInt16(all[place]), UInt16(all[place + 1]))
            units.append(isLittle ? second << 8 | first : first << 8 | second)
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.unicodeScalars.drop { $0.properties.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.properties.isWhitespace }) else { return "" }
        var kept = String(start[...last])
        while kept.utf8.count > mostText { kept.unicodeScalars.removeLast() }
        // A cut may leave a blank at the end.
        while kept.unicodeScalars.last?.properties.isWhitespace == true { kept.unicodeScalars.removeLast() }
        return kept
    }

    private mutating func begin(_ path: [String]) {
        guard path.count > 1, path[1] == "record" else { return }
        if path.count == 2 {
            if records.count < AggregateReport.mostRecords { records.append(Record()) } else { leftOut += 1 }
        }
        guard leftOut == 0, let last = records.indices.last else { return }
        switch path.dropFirst(2).joined(separator: "/") {
        case "row/policy_evaluated/reason" where records[last].overrides.count < AggregateReport.mostParts: records[last].overrides.append(Override())
        case "auth_results/dkim" where records[last].signatures.count < AggregateReport.mostParts: records[last].signatures.append(Signature())
        case "auth_results/spf" where records[last].spfChecks.count < AggregateReport.mostParts: records[last].spfChecks.append(SPFCheck())
        default: break
        }
    }

    private mutating func set(_ path: [String], _ text: String) {
        guard path.count > 2 else { return }
        switch path[1] {
        case "report_metadata": set(metadata: path.dropFirst(2).joined(separator: "/"), text)
        case "policy_published" where path.count == 3: policy.set(path[2], text)
        case "record":
            guard leftOut == 0, let last = records.indices.last else { return }
            records[last].set(path.dropFirst(2).joined(separator: "/"), text)
        default: break
        }
    }

    private mutating func set(metadata name: String, _ text: String) {
        switch name {
        case "org_name": organization = text
        case "email": email = text
        case "extra_contact_info": contact = text
        case "report_id": id = text
        case "generator": generator = text
        case "error" where errors.count < AggregateReport.mostParts: errors.append(text)
        case "date_range/begin": begin = AggregateReport.seconds(text)
        case "date_range/end": end = AggregateReport.seconds(text)
        default: break
        }
    }

    private static let recordPath = ["feedback", "record"]
    private static let countPath = recordPath + ["row", "count"]

    /// Nil: it is no number of messages.
    fileprivate static func count(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text).flatMap { $0 <= 1 << 40 ? $0 : nil }
    }

    /// Some write a fraction.
    private static func seconds(_ text: String) -> Int64 { Int64(text.prefix { $0 != "." }).flatMap { (0...1 << 40).contains($0) ? $0 : nil } ?? 0 }
}

extension AggregateReport.Policy {
    fileprivate mutating func set(_ name: String, _ text: String) {
        switch name {
        case "domain": domain = text.lowercased()
        case "p": policy = text.lowercased()
        case "sp": subdomainPolicy = text.lowercased()
        case "np": missingDomainPolicy = text.lowercased()
        case "adkim": dkimAlignment = text.lowercased()
        case "aspf": spfAlignment = text.lowercased()
        case "fo": failureOptions = text
        case "testing": testing = text.lowercased()
        case "discovery_method": discoveryMethod = text.lowercased()
        default: break
        }
    }
}

extension AggregateReport.Record {
    fileprivate mutating func set(_ path: String, _ text: String) {
        switch path {
        case "row/source_ip": source = text
        case "row/count": count = AggregateReport.count(text) ?? 0
        case "row/policy_evaluated/disposition": disposition = text.lowercased()
        case "row/policy_evaluated/dkim": dkim = text.lowercased()
        case "row/policy_evaluated/spf": spf = text.lowercased()
        case "row/policy_evaluated/reason/type": Self.change(&overrides) { $0.kind = text.lowercased() }
        case "row/policy_evaluated/reason/comment": Self.change(&overrides) { $0.comment = text }
        // "identities" is what a draft called them, and some still do.
        case "identifiers/header_from", "identities/header_from": headerFrom = text.lowercased()
        case "identifiers/envelope_from", "identities/envelope_from": envelopeFrom = text.lowercased()
        case "identifiers/envelope_to", "identities/envelope_to": envelopeTo = text.lowercased()
        case "auth_results/dkim/domain": Self.change(&signatures) { $0.domain = text.lowercased() }
        case "auth_results/dkim/selector": Self.change(&signatures) { $0.selector = text }
        case "auth_results/dkim/result": Self.change(&signatures) { $0.result = text.lowercased() }
        case "auth_results/spf/domain": Self.change(&spfChecks) { $0.domain = text.lowercased() }
        case "auth_results/spf/scope": Self.change(&spfChecks) { $0.scope = text.lowercased() }
        case "auth_results/spf/result": Self.change(&spfChecks) { $0.result = text.lowercased() }
        default: break
        }
    }

    private static func change<Part>(_ parts: inout [Part], _ body: (inout Part) -> Void) {
        if let last = parts.indices.last { body(&parts[last]) }
    }
}
