import MailModel
import Storage

/// What the indexes have said to one search so far. A search of many mailboxes passes it on from one to the next, so that the index of an account is asked once
/// and not for each of its mailboxes.
package struct SearchKnowledge: Sendable {
    private struct Known: Sendable {
        let questions: Set<SearchQuestion>
        let fuzzy: Set<FuzzyQuestion>
        let findings: SearchFindings
    }

    private var accounts: [AccountID: Known] = [:]

    package init() {}

    mutating func findings(
        _ questions: Set<SearchQuestion>, _ fuzzy: Set<FuzzyQuestion>, _ mailroom: Mailroom, _ mailbox: OpenMailbox
    ) async throws -> SearchFindings {
        if let known = accounts[mailbox.account], known.questions == questions, known.fuzzy == fuzzy { return known.findings }
        let findings = try await mailroom.findings(on: questions, fuzzy: fuzzy, in: mailbox)
        accounts[mailbox.account] = Known(questions: questions, fuzzy: fuzzy, findings: findings)
        return findings
    }
}
