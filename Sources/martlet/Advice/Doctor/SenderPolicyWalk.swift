import Conversation
import MailModel

/// Whether an SPF record lets an address send (RFC 7208), as far as it can be told without a message: macros, `exists` and `ptr` are not followed.
struct SenderPolicyWalk: Sendable {
    enum Outcome: Hashable, Sendable {
        /// `isEverybody`: by `all`.
        case passes(isEverybody: Bool)
        /// It fails, or the record says nothing of it.
        case excluded
        /// Others cannot follow it either (permerror): why.
        case broken(String)
        /// It hangs on what is not followed here: why.
        case unknown(String)
        /// Nobody knows what a name has.
        case unanswered(ResolverFault)
    }

    /// RFC 7208 §4.6.4
    private static let mostLookups = 10

    let resolver: any Resolver

    /// §4.5
    static func isPolicy(_ text: String) -> Bool { text.lowercased().prefix { $0 != " " } == "v=spf1" }

    func outcome(of policy: String, domain: Domain, for address: IPAddress) async -> Outcome {
        var lookups = 0
        return await follow(policy, domain, address, &lookups)
    }

    /// nil: the mechanism does not match.
    private enum Match {
        case yes, no
        case ends(Outcome)
    }

    private func follow(_ policy: String, _ domain: Domain, _ address: IPAddress, _ lookups: inout Int) async -> Outcome {
        var unknown: String?
        var redirect: Substring?
        for term in policy.split(separator: " ").dropFirst() {
            if let equals = term.firstIndex(of: "="), term[..<equals].allSatisfy({ $0.isLetter || $0.isNumber || "-_.".contains($0) }) {
                if term[..<equals].lowercased() == "redirect" { redirect = term[term.index(after: equals)...] }
                continue
            }
            var rest = term
            let qualifier = rest.first.flatMap { "+-~?".contains($0) ? $0 : nil }
            if qualifier != nil { rest.removeFirst() }
            let word = rest.prefix { $0 != ":" && $0 != "/" }.lowercased()
            let argument = rest.dropFirst(word.count)
            let isPass = (qualifier ?? "+") == "+"
            if argument.contains("%") || word == "exists" || word == "ptr" {
                lookups += word == "exists" || word == "ptr" || word == "include" ? 1 : 0
                unknown = unknown ?? "\"\(term)\" hangs on the message"
                continue
            }
            switch await match(word, argument, domain, address, &lookups) {
            case .no: continue
            case .yes:
                // What was not followed may have passed before.
                if let unknown, !isPass { return .unknown(unknown) }
                return isPass ? .passes(isEverybody: word == "all") : .excluded
            case .ends(.unknown(let reason)): unknown = unknown ?? reason
            case .ends(let outcome): return outcome
            }
        }
        if let redirect {
            if redirect.contains("%") { return .unknown("\"redirect=\(redirect)\" hangs on the message") }
            guard let target = Domain(redirect)?.asciiForm else { return .broken("\(redirect) is no domain name") }
            let outcome = await included(target, address, &lookups)
            if case .excluded = outcome, let unknown { return .unknown(unknown) }
            return outcome
        }
        return unknown.map(Outcome.unknown) ?? .excluded
    }

    private func match(_ word: String, _ argument: Substring, _ domain: Domain, _ address: IPAddress, _ lookups: inout Int) async -> Match {
        switch word {
        case "all": return .yes
        case "ip4", "ip6":
            guard argument.first == ":", let network = try? NetworkList(String(argument.dropFirst())) else {  // try?: nil is no network, and said to be so
                return .ends(.broken("\"\(word)\(argument)\" names no network"))
            }
            return network.contains(address) ? .yes : .no
        case "include":
            guard argument.first == ":", let target = Domain(argument.dropFirst())?.asciiForm else {
                return .ends(.broken("\"include\(argument)\" names no domain"))
            }
            switch await included(target, address, &lookups) {
            case .passes: return .yes
            case .excluded: return .no
            case let outcome: return .ends(outcome)
            }
        case "a", "mx":
            guard let place = Place(argument, domain) else { return .ends(.broken("\"\(word)\(argument)\" names no domain")) }
            lookups += 1
            guard lookups <= Self.mostLookups else { return .ends(Self.tooMany) }
            do {
                var hosts = [place.domain]
                // §4.6.4: more than ten exchangers are an error.
                if word == "mx" { hosts = Array(try await resolver.mailExchangers(of: place.domain).records.compactMap(\.host).prefix(10)) }
                for host in hosts {
                    let found = try await resolver.addresses(of: host, address.isIPv4 ? .ipv4 : .ipv6).records
                    if found.contains(where: { place.covers($0, address) }) { return .yes }
                }
                return .no
            } catch let fault as ResolverFault {
                return .ends(.unanswered(fault))
            } catch {
                return .ends(.unanswered(.unavailable("it was given up")))
            }
        default: return .ends(.broken("it has the word \"\(word)\", which SPF does not know"))
        }
    }

    private func included(_ target: Domain, _ address: IPAddress, _ lookups: inout Int) async -> Outcome {
        lookups += 1
        guard lookups <= Self.mostLookups else { return Self.tooMany }
        do {
            let texts = try await resolver.rdata(.txt, of: target).map(RecordData.text).records.filter(Self.isPolicy)
            // §5.2
            guard texts.count == 1, let policy = texts.first else { return .broken("\(target), which it includes, has \(texts.count) SPF records") }
            return await follow(policy, target, address, &lookups)
        } catch let fault as ResolverFault {
            return .unanswered(fault)
        } catch {
            return .unanswered(.unavailable("it was given up"))
        }
    }

    private static let tooMany = Outcome.broken("others ask for ten names at most, and it needs more (RFC 7208 §4.6.4)")

    /// `[":" domain] ["/" length] ["//" length]` (§5.3, §5.6)
    private struct Place {
        let domain: Domain
        private var lengths = (ipv4: 32, ipv6: 128)

        init?(_ text: Substring, _ standard: Domain) {
            let name = text.prefix { $0 != "/" }
            let slashes = text.dropFirst(name.count)
            if name.isEmpty {
                domain = standard
            } else {
                guard name.first == ":", let named = Domain(name.dropFirst())?.asciiForm else { return nil }
                domain = named
            }
            guard !slashes.isEmpty else { return }
            var parts = slashes.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            // `//64`, `/24//64`, `/24`
            if let first = parts.first, !first.isEmpty {
                guard let length = Int(first), (0...32).contains(length) else { return nil }
                lengths.ipv4 = length
            }
            parts = Array(parts.dropFirst())
            guard !parts.isEmpty else { return }
            if parts.first?.isEmpty == true { parts.removeFirst() }
            guard parts.count == 1, let length = Int(parts[0]), (0...128).contains(length) else { return nil }
            lengths.ipv6 = length
        }

        func covers(_ found: IPAddress, _ address: IPAddress) -> Bool {
            guard found.isIPv4 == address.isIPv4 else { return false }
            let length = found.isIPv4 ? lengths.ipv4 : lengths.ipv6
            let (left, right) = (found.octets, address.octets)
            for (index, pair) in zip(left, right).enumerated() {
                let bits = min(8, max(0, length - index * 8))
                let mask = bits == 0 ? 0 : UInt8(truncatingIfNeeded: 0xFF00 >> bits)
                if (pair.0 ^ pair.1) & mask != 0 { return false }
            }
            return true
        }
    }
}
