import Conversation
import MailModel

/// RFC 7208 §5: whether a mechanism matches the client.
extension SPFWalk {
    mutating func matches(_ mechanism: SPFRecord.Mechanism, _ domain: DNSName, depth: Int) async throws(SPFStop) -> Bool {
        switch mechanism {
        case .all: return true
        case .ipv4(let network, let length): return values.address.isIPv4 && values.address.sharesPrefix(of: 96 + length, with: network)
        // §5.6: an IPv4-mapped address is not in an IPv6 network, whatever that holds.
        case .ipv6(let network, let length): return !values.address.isIPv4 && values.address.sharesPrefix(of: length, with: network)
        case .include(let place): return try await includes(place, depth: depth)
        case .exists(let place): return try await exists(place)
        case .pointers(let place): return try await hasName(place, domain)
        case .addresses(let place, let lengths):
            try inquiry.countTerm()
            guard let name = try await target(place, domain) else { return false }
            return try await isAddress(of: name, lengths)
        case .exchangers(let place, let lengths): return try await isExchanger(place, lengths, domain)
        }
    }

    // §5.2
    private mutating func includes(_ place: SPFMacroString, depth: Int) async throws(SPFStop) -> Bool {
        try inquiry.countTerm()
        guard let target = try await target(place) else { throw .permerror("\"include\" leads to no name") }
        switch try await outcome(of: target, depth: depth + 1).result {
        case .pass: return true
        case .none: throw .permerror("\(target), which it includes, has no SPF record")
        case .fail, .softfail, .neutral, .temperror, .permerror: return false
        }
    }

    // §5.7
    private mutating func exists(_ place: SPFMacroString) async throws(SPFStop) -> Bool {
        try inquiry.countTerm()
        guard let name = try await target(place) else { return false }
        let answer = try await inquiry.addresses(of: name, .ipv4)
        if answer.denial != nil { try inquiry.countVoid() }
        return !answer.records.isEmpty
    }

    // §5.5
    private mutating func hasName(_ place: SPFMacroString?, _ domain: DNSName) async throws(SPFStop) -> Bool {
        try inquiry.countTerm()
        guard let target = try await target(place, domain) else { return false }
        return await namesOfClient().contains { $0.isWithin(target) }
    }

    // §5.4
    private mutating func isExchanger(
        _ place: SPFMacroString?, _ lengths: SPFRecord.PrefixLengths, _ domain: DNSName
    ) async throws(SPFStop) -> Bool {
        try inquiry.countTerm()
        guard let name = try await target(place, domain) else { return false }
        let answer = try await inquiry.exchangers(of: name)
        if answer.denial != nil { try inquiry.countVoid() }
        // §4.6.4
        let most = inquiry.limits.exchangers
        guard answer.records.count <= most else { throw .permerror("\(name) has more than \(most) exchangers") }
        for host in answer.records {
            if let host = host.name, try await isAddress(of: host, lengths) { return true }
        }
        return false
    }

    // §5.3
    private mutating func isAddress(of name: DNSName, _ lengths: SPFRecord.PrefixLengths) async throws(SPFStop) -> Bool {
        let answer = try await inquiry.addresses(of: name, family)
        // A name with addresses of the other family alone has been written by nobody's mistake.
        if answer.denial == .noSuchName { try inquiry.countVoid() }
        let length = family == .ipv4 ? 96 + lengths.ipv4 : lengths.ipv6
        return answer.records.contains { $0.isIPv4 == values.address.isIPv4 && $0.sharesPrefix(of: length, with: values.address) }
    }

    private mutating func target(_ place: SPFMacroString?, _ domain: DNSName) async throws(SPFStop) -> DNSName? {
        guard let place else { return domain }
        return try await target(place)
    }
}
