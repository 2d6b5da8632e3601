package import Conversation
package import MailModel

/// Walks up the tree of names from a domain, looking for DMARC records (RFC 9989 §4.10), for one evaluation: no name is asked for twice, and no more than
/// `mostQuestions` in all. One owner.
package struct PolicyWalk {
    /// Names of one walk.
    package static let mostSteps = 8
    /// Of the author domain, whether it exists, and of those who vouch: only such as lie within the author's organization are ever walked from.
    package static let mostQuestions = 40

    /// What stands at one name.
    package enum Finding: Hashable, Sendable {
        case record(DMARCRecord)
        /// No record, or several. `isThere`: the name exists, or one below it does.
        case nothing(isThere: Bool)
    }

    /// What nobody could tell.
    package struct Trouble: Error, Hashable, Sendable {
        /// The name that was asked for.
        package let name: Domain
        /// It will be so another time too.
        package let isPermanent: Bool
        /// In words.
        package let reason: String

        package init(name: Domain, isPermanent: Bool, reason: String) {
            self.name = name
            self.isPermanent = isPermanent
            self.reason = reason
        }
    }

    /// What one walk has seen.
    package struct Outcome: Sendable {
        /// Where it began.
        package let start: Domain
        package fileprivate(set) var organizationalDomain: Domain
        /// Those with records, from the longest name to the shortest.
        package fileprivate(set) var records: [(domain: Domain, record: DMARCRecord)] = []

        package func record(at domain: Domain) -> DMARCRecord? { records.first { $0.domain == domain }?.record }

        /// The record whose policy applies to mail from where the walk began, and where it stands: there, at the organizational domain, or at the public
        /// suffix (RFC 9989 §4.10.1).
        package var policy: (domain: Domain, record: DMARCRecord)? {
            if let own = record(at: start) { return (start, own) }
            if let owner = record(at: organizationalDomain) { return (organizationalDomain, owner) }
            guard let last = records.last, last.record.suffixMark == .isSuffix else { return nil }
            return last
        }
    }

    private let resolver: any Resolver
    private var known: [Domain: Result<Finding, Trouble>] = [:]
    private var outcomes: [Domain: Outcome] = [:]
    private var questions = 0

    package init(resolver: any Resolver) { self.resolver = resolver }

    /// The record at `_dmarc.DOMAIN`.
    package mutating func record(at domain: Domain) async throws(Trouble) -> Finding {
        if let known = known[domain] { return try known.get() }
        guard let name = DMARCRecord.name(of: domain) else { return .nothing(isThere: false) }
        let result: Result<Finding, Trouble>
        do {
            let answer = try await ask(name) { [resolver] name in try await resolver.texts(of: name) }
            result = .success(DMARCRecord(answer.records).map { .record($0) } ?? .nothing(isThere: answer.denial != .noSuchName))
        } catch {
            result = .failure(error)
        }
        known[domain] = result
        return try result.get()
    }

    /// The whole walk from a domain.
    package mutating func walk(from start: Domain) async throws(Trouble) -> Outcome {
        if let outcome = outcomes[start] { return outcome }
        var outcome = Outcome(start: start, organizationalDomain: start)
        var isDecided = false
        for domain in PolicyWalk.steps(from: start) {
            guard case .record(let record) = try await self.record(at: domain) else { continue }
            outcome.records.append((domain, record))
            if record.suffixMark == .unknown { continue }
            // psd=y of where the walk began says nothing of what lies below it.
            if record.suffixMark == .isSuffix, domain != start {
                outcome.organizationalDomain = PolicyWalk.child(of: domain, towards: start)
            } else {
                outcome.organizationalDomain = domain
            }
            isDecided = true
            break
        }
        if !isDecided, let last = outcome.records.last { outcome.organizationalDomain = last.domain }
        outcomes[start] = outcome
        return outcome
    }

    /// The organizational domain, where a walk from there has been.
    func foundOrganization(of start: Domain) -> Domain? { outcomes[start]?.organizationalDomain }

    /// Whether DNS knows the name itself (RFC 9989 §3.2.9: NXDOMAIN means that it does not).
    package mutating func exists(_ domain: Domain) async throws(Trouble) -> Bool {
        if case .success(let finding) = known[domain] {
            switch finding {
            case .record, .nothing(isThere: true): return true
            case .nothing(isThere: false): break
            }
        }
        return try await ask(domain) { [resolver] name in try await resolver.rdata(.a, of: name) }.denial != .noSuchName
    }

    /// The names that a walk asks for, in order: the domain, then what seven labels leave of it or its parent, and so on.
    package static func steps(from domain: Domain) -> [Domain] {
        guard !domain.isLiteral else { return [] }
        var labels = domain.value.split(separator: ".")[...]
        var steps = [domain]
        labels = labels.count >= mostSteps ? labels.suffix(mostSteps - 1) : labels.dropFirst()
        while !labels.isEmpty {
            if let step = Domain(labels.joined(separator: ".")) { steps.append(step) }
            labels = labels.dropFirst()
        }
        return steps
    }

    /// The name with one label more than `domain`, on the way to `descendant`.
    private static func child(of domain: Domain, towards descendant: Domain) -> Domain {
        let count = domain.value.split(separator: ".").count + 1
        return Domain(descendant.value.split(separator: ".").suffix(count).joined(separator: ".")) ?? descendant
    }

    private mutating func ask<Answer>(_ name: Domain, _ question: (Domain) async throws -> Answer) async throws(Trouble) -> Answer {
        guard questions < PolicyWalk.mostQuestions else { throw Trouble(name: name, isPermanent: true, reason: "too many names to ask for") }
        questions += 1
        do {
            return try await question(name)
        } catch let fault as ResolverFault {
            throw Trouble(name: name, isPermanent: fault == .malformed, reason: "\(name.value): \(PolicyWalk.words(fault))")
        } catch {
            // catch: a task that is cancelled has learnt nothing.
            throw Trouble(name: name, isPermanent: false, reason: "\(name.value): nobody waited for the answer")
        }
    }

    private static func words(_ fault: ResolverFault) -> String {
        switch fault {
        case .failed(let code): "the name server failed (code \(code))"
        case .timedOut: "no answer in time"
        case .bogus: "DNSSEC shows the answer to be forged or broken"
        case .malformed: "the answer cannot be read"
        case .unavailable: "the resolver cannot go on"
        }
    }
}
