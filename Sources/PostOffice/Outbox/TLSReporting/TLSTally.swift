package import Conversation
package import MailModel

/// How TLS with the servers of one domain went, on one day in UTC: what a report says (RFC 8460 §4.3, §4.4). Bounded, whatever is counted.
package struct TLSTally: Hashable, Sendable {
    /// What the domain had published, or that it had nothing. Strangers' texts, here and below, are cut and have no control characters.
    package struct Policy: Hashable, Sendable {
        package let type: TLSPolicyType
        /// As RFC 8460 §4.2 has them: a policy's file line by line, or TLSA records.
        package let strings: [String]

        package init(_ type: TLSPolicyType, strings: [String] = []) {
            self.type = type
            self.strings = strings.map(RemoteReply.cleaned)
        }
    }

    package struct Failure: Hashable, Sendable {
        package let kind: TLSFailure.Kind
        /// The exchanger; this and what follows is empty where it is not known, or where too much was counted to tell it apart.
        package let host: String
        package let address: String
        /// Ours.
        package let source: String
        package let reason: String

        package init(_ kind: TLSFailure.Kind, host: String = "", address: String = "", source: String = "", reason: String = "") {
            self.kind = kind
            self.host = Failure.cut(host)
            self.address = Failure.cut(address)
            self.source = Failure.cut(source)
            self.reason = Failure.cut(reason)
        }

        private static func cut(_ text: String) -> String {
            var text = RemoteReply.cleaned(text)
            while text.utf8.count > TLSTally.mostFieldOctets { text.unicodeScalars.removeLast() }
            return text
        }
    }

    package struct Counts: Hashable, Sendable {
        package fileprivate(set) var successes = 0
        package fileprivate(set) var failures: [Failure: Int] = [:]

        package var failureCount: Int { failures.values.reduce(0, +) }
        package init() {}
    }

    /// With different strings, and of failures that are told apart.
    static let mostPolicies = 2
    static let mostFailures = 20
    /// Octets of a policy's strings; a longer one is counted without.
    static let mostOctets = 2 * 1024
    /// Of each text of a failure; a longer one is cut.
    fileprivate static let mostFieldOctets = 200

    package private(set) var policies: [Policy: Counts] = [:]

    package init() {}

    package var successes: Int { policies.values.reduce(0) { $0 + $1.successes } }
    package var failureCount: Int { policies.values.reduce(0) { $0 + $1.failureCount } }

    package mutating func addSuccess(_ policy: Policy, count: Int = 1) {
        policies[place(policy), default: Counts()].successes += count
    }

    package mutating func add(_ failure: Failure, _ policy: Policy, count: Int = 1) {
        let place = place(policy)
        let isKnown = policies[place]?.failures[failure] != nil
        let isFull = policies.values.reduce(0) { $0 + $1.failures.count } >= TLSTally.mostFailures
        policies[place, default: Counts()].failures[isFull && !isKnown ? Failure(failure.kind) : failure, default: 0] += count
    }

    package mutating func add(_ other: TLSTally) {
        for (policy, counts) in other.policies {
            if counts.successes > 0 { addSuccess(policy, count: counts.successes) }
            for (failure, count) in counts.failures { add(failure, policy, count: count) }
        }
    }

    /// The same, by the types of policies and the kinds of failures alone.
    var withoutDetails: TLSTally {
        var tally = TLSTally()
        for (policy, counts) in policies {
            let policy = Policy(policy.type)
            if counts.successes > 0 { tally.addSuccess(policy, count: counts.successes) }
            for (failure, count) in counts.failures { tally.add(Failure(failure.kind), policy, count: count) }
        }
        return tally
    }

    /// Octets that it takes, about.
    package var size: Int {
        policies.reduce(0) { size, policy in
            let strings = policy.key.strings.reduce(40) { $0 + $1.utf8.count + 1 }
            return policy.value.failures.keys.reduce(size + strings) {
                $0 + 60 + $1.host.utf8.count + $1.address.utf8.count + $1.source.utf8.count + $1.reason.utf8.count
            }
        }
    }

    /// Where it is counted.
    private func place(_ policy: Policy) -> Policy {
        let isShort = policy.strings.reduce(0) { $0 + $1.utf8.count + 1 } <= TLSTally.mostOctets
        return isShort && (policies[policy] != nil || policies.count < TLSTally.mostPolicies) ? policy : Policy(policy.type)
    }
}

extension TLSTally {
    /// As it is kept: a line a policy, followed by its counts; fields between tabs, which no text has.
    package var octets: [UInt8] {
        var lines: [String] = []
        for (policy, counts) in policies {
            lines.append(TLSTally.line(["policy", policy.type.rawValue] + policy.strings))
            if counts.successes > 0 { lines.append(TLSTally.line(["success", "\(counts.successes)"])) }
            for (failure, count) in counts.failures {
                lines.append(TLSTally.line(["failure", "\(count)", failure.kind.rawValue, failure.host, failure.address, failure.source, failure.reason]))
            }
        }
        return Array(lines.joined(separator: "\n").utf8)
    }

    /// Nil for what `octets` has not made.
    package init?(_ octets: [UInt8]) {
        self.init()
        var policy: Policy?
        for line in octets.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
            switch (fields[0], fields.count) {
            case ("policy", 2...):
                guard let type = TLSPolicyType(rawValue: fields[1]) else { return nil }
                policy = Policy(type, strings: Array(fields[2...]))
            case ("success", 2):
                guard let policy, let count = TLSTally.count(fields[1]) else { return nil }
                policies[policy, default: Counts()].successes += count
            case ("failure", 7):
                guard let policy, let count = TLSTally.count(fields[1]), let kind = TLSFailure.Kind(rawValue: fields[2]) else { return nil }
                let failure = Failure(kind, host: fields[3], address: fields[4], source: fields[5], reason: fields[6])
                policies[policy, default: Counts()].failures[failure, default: 0] += count
            default: return nil
            }
        }
    }

    private static func count(_ text: String) -> Int? { Int(text).flatMap { (1...1 << 40).contains($0) ? $0 : nil } }

    private static func line(_ fields: [String]) -> String { fields.joined(separator: "\t") }
}
