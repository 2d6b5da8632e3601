package import Conversation
import MailModel
import Synchronization

/// A resolver that knows what stands in a table, and nothing else: other names are not there, and other types of a name that is are no records.
package final class NameTable: Resolver {
    package struct Question: Hashable, Sendable {
        package let type: RecordType
        package let name: DNSName
    }

    private struct State {
        var answers: [Question: Result<DNSAnswer<[UInt8]>, ResolverFault>] = [:]
        var aliases: [DNSName: DNSName] = [:]
        var asked: [Question] = []
    }

    private let state = Mutex(State())

    /// Text that is no name or address.
    package struct Fault: Error {
        package let text: String
    }

    package init() {}

    /// What was asked, in order.
    package var asked: [Question] { state.withLock { $0.asked } }

    package func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        try state.withLock { state in
            state.asked.append(Question(type: type, name: name))
            var last = name
            // The alias itself is asked for by its own type.
            while type != .cname, let next = state.aliases[last] { last = next }
            let canonicalName = last == name ? nil : last.domain
            if let result = state.answers[Question(type: type, name: last)] {
                let answer = try result.get()
                if let denial = answer.denial {
                    return DNSAnswer(denial: denial, isSecure: answer.isSecure, canonicalName: canonicalName, ttl: answer.ttl)
                }
                return DNSAnswer(records: answer.records, isSecure: answer.isSecure, canonicalName: canonicalName, ttl: answer.ttl)
            }
            let isThere = state.answers.keys.contains { $0.name == last }
            return DNSAnswer(denial: isThere ? .noRecords : .noSuchName, isSecure: false, canonicalName: canonicalName, ttl: 60)
        }
    }

    /// Records as their octets.
    package func set(_ type: RecordType, of name: String, _ records: [[UInt8]], isSecure: Bool = false, ttl: Int = 300) throws {
        try put(type, name, .success(DNSAnswer(records: records, isSecure: isSecure, ttl: ttl)))
    }

    /// `"."` is the null MX.
    package func setExchangers(of name: String, _ exchangers: [(UInt16, String)], isSecure: Bool = false, ttl: Int = 300) throws {
        try set(.mx, of: name, exchangers.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + NameTable.octets(ofName: $1) }, isSecure: isSecure, ttl: ttl)
    }

    /// Each by its family.
    package func setAddresses(of name: String, _ addresses: [String], isSecure: Bool = false, ttl: Int = 300) throws {
        let octets = try addresses.map { text in
            guard let address = IPAddress(text) else { throw Fault(text: text) }
            return address.octets
        }
        for family in AddressFamily.allCases {
            let records = octets.filter { $0.count == (family == .ipv4 ? 4 : 16) }
            if !records.isEmpty { try set(family.recordType, of: name, records, isSecure: isSecure, ttl: ttl) }
        }
    }

    package func setDenial(_ type: RecordType, of name: String, _ denial: DNSDenial, isSecure: Bool = false, ttl: Int = 60) throws {
        try put(type, name, .success(DNSAnswer(denial: denial, isSecure: isSecure, ttl: ttl)))
    }

    package func setFault(_ type: RecordType, of name: String, _ fault: ResolverFault) throws { try put(type, name, .failure(fault)) }

    /// CNAME. They must not go in circles.
    package func setAlias(_ name: String, of target: String) throws {
        let names = try (NameTable.name(name), NameTable.name(target))
        state.withLock { $0.aliases[names.0] = names.1 }
    }

    /// A name as it is written in a record (RFC 1035 §3.1), without compression.
    package static func octets(ofName name: String) -> [UInt8] {
        name.utf8.split(separator: UInt8(ascii: ".")).flatMap { [UInt8($0.count)] + $0 } + [0]
    }

    private func put(_ type: RecordType, _ name: String, _ result: Result<DNSAnswer<[UInt8]>, ResolverFault>) throws {
        let question = Question(type: type, name: try NameTable.name(name))
        state.withLock { $0.answers[question] = result }
    }

    private static func name(_ text: String) throws -> DNSName {
        guard let name = DNSName(dotted: text.utf8) else { throw Fault(text: text) }
        return name
    }
}
