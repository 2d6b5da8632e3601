package import Conversation
package import MailModel

/// Judges an author domain by those who vouch for a message (RFC 9989 §5.3).
///
/// Whoever vouches under another organization's name is never asked about: the organizational domain of a name is that name or one above it, so only names within
/// the author's organization can be aligned with it. A stranger's broken DNS changes no verdict.
package struct DMARCEvaluation: Sendable {
    /// Different names of signers that are looked at.
    package static let mostSigners = 10

    private let resolver: any Resolver

    package init(resolver: any Resolver) { self.resolver = resolver }

    /// - parameter author: a domain in From.
    /// - parameter spf: of MAIL FROM. What stands for HELO is never aligned (RFC 9989 §4.4.2); with the null reverse-path SPF itself takes HELO's name for MAIL
    ///   FROM's.
    /// - parameter dkim: of all signatures. One that leaves octets unsigned or whose key is a test vouches for nothing.
    ///
    /// Asks DNS for no name twice, for at most `PolicyWalk.mostQuestions`, and for none where equal names decide.
    package func evaluate(author: Domain, spf: SPFVerdict?, dkim: [DKIMVerdict]) async -> DMARCVerdict {
        guard !author.isLiteral, let author = author.asciiForm else {
            return DMARCVerdict(.none, author: author, organizationalDomain: author, reason: "\(author.value) is no name that DNS could be asked for")
        }
        var judgement = Judgement(author: author, vouchers: Vouchers(spf, dkim), walk: PolicyWalk(resolver: resolver))
        return await judgement.verdict()
    }

    /// The organizational domain of a name; throws where DNS does not tell.
    package func organizationalDomain(of domain: Domain) async throws(PolicyWalk.Trouble) -> Domain {
        var walk = PolicyWalk(resolver: resolver)
        return try await walk.walk(from: domain.asciiForm ?? domain).organizationalDomain
    }
}

/// Whose names stand behind a message, in ASCII: those that have been proved, and those that nobody could ask for.
struct Vouchers {
    private(set) var spf: Domain?
    private(set) var spfUnknown: Domain?
    private(set) var dkim: [Domain] = []
    private(set) var dkimUnknown: [Domain] = []

    init(_ spf: SPFVerdict?, _ dkim: [DKIMVerdict]) {
        if let spf, spf.identity == .mailFrom, let domain = spf.domain?.asciiForm {
            if spf.result == .pass { self.spf = domain }
            if spf.result == .temperror { spfUnknown = domain }
        }
        for verdict in dkim {
            guard let domain = verdict.domain?.asciiForm, !verdict.isPartial, !verdict.isTesting else { continue }
            if verdict.result == .pass { Vouchers.add(domain, to: &self.dkim) }
            if verdict.result == .temperror { Vouchers.add(domain, to: &dkimUnknown) }
        }
    }

    private static func add(_ domain: Domain, to list: inout [Domain]) {
        if list.count < DMARCEvaluation.mostSigners, !list.contains(domain) { list.append(domain) }
    }
}

/// One author domain being judged.
private struct Judgement {
    let author: Domain
    let vouchers: Vouchers
    var walk: PolicyWalk
    /// What could not be learnt of those who vouch.
    private var trouble: PolicyWalk.Trouble?

    init(author: Domain, vouchers: Vouchers, walk: PolicyWalk) {
        self.author = author
        self.vouchers = vouchers
        self.walk = walk
    }

    mutating func verdict() async -> DMARCVerdict {
        do throws(PolicyWalk.Trouble) {
            guard let (place, record) = try await policy() else {
                return DMARCVerdict(.none, author: author, organizationalDomain: organization(), reason: "no DMARC record")
            }
            guard record.isApplicable else {
                return DMARCVerdict(
                    .none, author: author, organizationalDomain: organization(), record: record, recordDomain: place,
                    reason: "the record at \(place.value) says no policy that can be understood")
            }
            let isSPFAligned = await isAligned(vouchers.spf.map { [$0] } ?? [], record.spfAlignment)
            let isDKIMAligned = await isAligned(vouchers.dkim, record.dkimAlignment)
            if isSPFAligned || isDKIMAligned {
                return DMARCVerdict(
                    .pass, author: author, organizationalDomain: organization(), record: record, recordDomain: place,
                    policy: record.policy(for: author, recordAt: place, exists: true), isSPFAligned: isSPFAligned, isDKIMAligned: isDKIMAligned)
            }
            return await failure(place, record)
        } catch {
            return DMARCVerdict(error.isPermanent ? .permerror : .temperror, author: author, organizationalDomain: author, reason: error.reason)
        }
    }

    private mutating func policy() async throws(PolicyWalk.Trouble) -> (Domain, DMARCRecord)? {
        if case .record(let record) = try await walk.record(at: author) { return (author, record) }
        return try await walk.walk(from: author).policy
    }

    /// Nobody who is aligned has been proved. The policy is known, and stays so whatever cannot be learnt of those who vouch.
    private mutating func failure(_ place: Domain, _ record: DMARCRecord) async -> DMARCVerdict {
        var policy = record.policy(for: author, recordAt: place, exists: true)
        let other = record.policy(for: author, recordAt: place, exists: false)
        if policy != other {
            do throws(PolicyWalk.Trouble) {
                if try await !walk.exists(author) { policy = other }
            } catch {
                // catch: the stricter of both holds for what comes of it.
                trouble = trouble ?? error
                policy = [policy, other].contains(.reject) ? .reject : .quarantine
            }
        }
        let isSPFUnknown = await isAligned(vouchers.spfUnknown.map { [$0] } ?? [], record.spfAlignment)
        let isDKIMUnknown = await isAligned(vouchers.dkimUnknown, record.dkimAlignment)
        let isUnknown = isSPFUnknown || isDKIMUnknown
        // try?: where it is not known, the author's own name stands for the organization's.
        if record.dkimAlignment == .relaxed, trouble == nil { _ = try? await walk.walk(from: author) }
        return DMARCVerdict(
            isUnknown || trouble != nil ? .temperror : .fail, author: author, organizationalDomain: organization(), record: record, recordDomain: place,
            policy: policy, reason: isUnknown ? unknownReason(isSPFUnknown) : trouble?.reason ?? failureReason)
    }

    private func unknownReason(_ isSPF: Bool) -> String {
        isSPF ? "SPF, which would be aligned, could not be told" : "a signature that would be aligned could not be verified: its key could not be asked for"
    }

    private var failureReason: String {
        let names = (vouchers.spf.map { ["SPF of \($0.value)"] } ?? []) + vouchers.dkim.map { "a signature of \($0.value)" }
        return names.isEmpty ? "neither SPF nor DKIM passes" : "not aligned with \(author.value): \(names.joined(separator: ", "))"
    }

    /// Whether one of the names is the author's, or of the author's organization.
    private mutating func isAligned(_ names: [Domain], _ mode: DMARCRecord.Alignment) async -> Bool {
        if names.contains(author) { return true }
        // No two names of different top-level domains have an ancestor in common.
        let near = names.filter { PolicyWalk.steps(from: $0).last == PolicyWalk.steps(from: author).last }
        guard mode == .relaxed, !near.isEmpty else { return false }
        do throws(PolicyWalk.Trouble) {
            let organization = try await walk.walk(from: author).organizationalDomain
            for name in near where name.isWithin(organization) {
                if try await walk.walk(from: name).organizationalDomain == organization { return true }
            }
        } catch {
            // catch: another who vouches may do; otherwise it decides. What never can be told vouches for nothing.
            if !error.isPermanent { trouble = trouble ?? error }
        }
        return false
    }

    /// As far as it was looked for.
    private func organization() -> Domain { walk.foundOrganization(of: author) ?? author }
}

extension DMARCRecord {
    /// What is wished for mail from `author`, by this record at `place` (RFC 9989 §4.7, §4.10.1).
    package func policy(for author: Domain, recordAt place: Domain, exists: Bool) -> Policy {
        let wish = place == author ? policy : exists ? subdomainPolicy ?? policy : missingDomainPolicy ?? subdomainPolicy ?? policy
        guard isTesting else { return wish }
        switch wish {
        case .reject: return .quarantine
        case .quarantine, .none: return .none
        }
    }
}
