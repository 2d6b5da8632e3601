package import NIOCore

/// How TLS between two parties went, as one tells the other (RFC 8460 §4.3, §4.4).
package struct TLSReport: Hashable, Sendable {
    package struct Failure: Hashable, Sendable {
        package var kind = ""
        /// Of who sent.
        package var source = ""
        package var host = ""
        package var address = ""
        package var count = 0
        package var reason = ""

        package init() {}
    }

    package struct Policy: Hashable, Sendable {
        package var type = ""
        package var domain = ""
        package var strings: [String] = []
        package var hosts: [String] = []
        package var successes = 0
        package var failures = 0
        package var details: [Failure] = []

        package init() {}
    }

    package var organization = ""
    package var contact = ""
    package var id = ""
    /// RFC 3339, in UTC.
    package var begin = ""
    package var end = ""
    package var policies: [Policy] = []

    package init() {}
}

extension TLSReport {
    static let mostPolicies = 1_000
    static let mostFailures = 1_000

    /// Nil for what is no such report: no JSON object with policies. What it lacks is empty or 0.
    package init?(_ octets: ByteBuffer) {
        self.init()
        let value: JSONValue
        do { value = try JSONValue(octets) } catch { return nil }
        guard let policies = value["policies"], case .list(let list) = policies else { return nil }
        organization = value["organization-name"]?.text ?? ""
        contact = value["contact-info"]?.text ?? ""
        id = value["report-id"]?.text ?? ""
        begin = value["date-range"]?["start-datetime"]?.text ?? ""
        end = value["date-range"]?["end-datetime"]?.text ?? ""
        self.policies = list.prefix(TLSReport.mostPolicies).map { Policy($0) }
    }
}

extension TLSReport.Policy {
    fileprivate init(_ value: JSONValue) {
        let policy = value["policy"]
        type = policy?["policy-type"]?.text ?? ""
        domain = policy?["policy-domain"]?.text ?? ""
        strings = policy?["policy-string"]?.all.compactMap(\.text) ?? []
        hosts = (policy?["mx-host"] ?? policy?["mx-host-pattern"])?.all.compactMap(\.text) ?? []
        successes = value["summary"]?["total-successful-session-count"]?.count ?? 0
        failures = value["summary"]?["total-failure-session-count"]?.count ?? 0
        details = (value["failure-details"]?.all ?? []).prefix(TLSReport.mostFailures).map { TLSReport.Failure($0) }
    }
}

extension TLSReport.Failure {
    fileprivate init(_ value: JSONValue) {
        kind = value["result-type"]?.text ?? ""
        source = value["sending-mta-ip"]?.text ?? ""
        host = value["receiving-mx-hostname"]?.text ?? value["receiving-mx-helo"]?.text ?? ""
        address = value["receiving-ip"]?.text ?? ""
        count = value["failed-session-count"]?.count ?? 0
        reason = value["failure-reason-code"]?.text ?? value["additional-information"]?.text ?? ""
    }
}

extension TLSReport {
    /// As RFC 8460 §4.4 has it. Of texts that are empty the field is left out, but those that must be there.
    package var json: ByteBuffer {
        var text = ByteBuffer()
        text.writeString("{\"organization-name\":\(JSONText.quoted(organization)),")
        text.writeString("\"date-range\":{\"start-datetime\":\(JSONText.quoted(begin)),\"end-datetime\":\(JSONText.quoted(end))},")
        text.writeString("\"contact-info\":\(JSONText.quoted(contact)),\"report-id\":\(JSONText.quoted(id)),\"policies\":[")
        text.writeString(policies.map(\.json).joined(separator: ","))
        text.writeString("]}\n")
        return text
    }
}

extension TLSReport.Policy {
    fileprivate var json: String {
        var policy = "{\"policy\":{\"policy-type\":\(JSONText.quoted(type))"
        if !strings.isEmpty { policy += ",\"policy-string\":\(JSONText.list(strings))" }
        policy += ",\"policy-domain\":\(JSONText.quoted(domain))"
        if !hosts.isEmpty { policy += ",\"mx-host\":\(JSONText.list(hosts))" }
        policy += "},\"summary\":{\"total-successful-session-count\":\(successes),\"total-failure-session-count\":\(failures)}"
        if !details.isEmpty { policy += ",\"failure-details\":[\(details.map(\.json).joined(separator: ","))]" }
        return policy + "}"
    }
}

extension TLSReport.Failure {
    fileprivate var json: String {
        var fields = ["\"result-type\":\(JSONText.quoted(kind))"]
        for (name, value) in [("sending-mta-ip", source), ("receiving-mx-hostname", host), ("receiving-ip", address)] where !value.isEmpty {
            fields.append("\"\(name)\":\(JSONText.quoted(value))")
        }
        fields.append("\"failed-session-count\":\(count)")
        if !reason.isEmpty { fields.append("\"failure-reason-code\":\(JSONText.quoted(reason))") }
        return "{" + fields.joined(separator: ",") + "}"
    }
}
