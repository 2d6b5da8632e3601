import Conversation
import MailModel
import Yams

/// The names of one scenario of the test suites at openspf.org, as a resolver: it can be silent (`TIMEOUT`), and gives circles of aliases up.
struct SuiteZone: Conversation.Resolver {
    private struct Entry {
        let type: RecordType
        let octets: [UInt8]
    }

    private var entries: [DNSName: [Entry]] = [:]
    private var silent: Set<DNSName> = []

    struct Fault: Error { let text: String }

    init(_ zone: Node.Mapping) throws {
        for (key, value) in zone {
            let name = try SuiteZone.name(key.string ?? "")
            entries[name] = []
            let records = value.sequence.map { $0.map(\.self) } ?? []
            // Texts of the type SPF, which is gone, are meant for TXT unless that is given.
            let hasTexts = records.contains { $0.mapping?.first?.key.string == "TXT" }
            for record in records {
                if record.string == "TIMEOUT" { silent.insert(name) }
                guard let (type, data) = record.mapping?.first, let word = type.string, data.string != "NONE" else { continue }
                guard let type = SuiteZone.type(word, isTextForSPF: !hasTexts) else { continue }
                entries[name]?.append(Entry(type: type, octets: try SuiteZone.octets(type, data)))
            }
        }
    }

    func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        var last = name
        for _ in 0..<10 {
            guard let all = entries[last] else { return DNSAnswer(denial: .noSuchName, isSecure: false, ttl: 0) }
            let records = all.filter { $0.type == type }.map(\.octets)
            if !records.isEmpty { return DNSAnswer(records: records, isSecure: false, ttl: 0) }
            if silent.contains(last) { throw ResolverFault.timedOut }
            guard let alias = all.first(where: { $0.type == .cname }), let target = DNSName(octets: alias.octets) else {
                return DNSAnswer(denial: .noRecords, isSecure: false, ttl: 0)
            }
            last = target
        }
        throw ResolverFault.failed(code: 2)
    }

    private static func type(_ word: String, isTextForSPF: Bool) -> RecordType? {
        switch word {
        case "A": .a
        case "AAAA": .aaaa
        case "MX": .mx
        case "PTR": .ptr
        case "CNAME": .cname
        case "TXT": .txt
        case "SPF": isTextForSPF ? .txt : nil
        default: nil
        }
    }

    private static func octets(_ type: RecordType, _ data: Node) throws -> [UInt8] {
        let text = data.string ?? ""
        switch type {
        case .a, .aaaa:
            guard let address = IPAddress(text) else { throw Fault(text: text) }
            return address.octets
        case .mx:
            let parts = data.sequence?.compactMap(\.string) ?? []
            guard parts.count == 2, let preference = UInt16(parts[0]) else { throw Fault(text: "\(data)") }
            return [UInt8(preference >> 8), UInt8(preference & 0xFF)] + name(octets: parts[1])
        case .txt: return (data.sequence?.compactMap(\.string) ?? [text]).flatMap(strings)
        default: return name(octets: text)
        }
    }

    /// Each `\xNN` of the suite is an octet.
    private static func strings(_ text: String) -> [UInt8] {
        let octets = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        guard !octets.isEmpty else { return [0] }
        return stride(from: 0, to: octets.count, by: 255).flatMap { start in
            let string = octets[start..<min(octets.count, start + 255)]
            return [UInt8(string.count)] + string
        }
    }

    private static func name(octets text: String) -> [UInt8] {
        text.utf8.split(separator: UInt8(ascii: ".")).flatMap { [UInt8($0.count)] + $0 } + [0]
    }

    private static func name(_ text: String) throws -> DNSName {
        guard let name = DNSName(dotted: text.utf8) else { throw Fault(text: text) }
        return name
    }
}
