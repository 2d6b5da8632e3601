import MailModel

/// What `store recover` found, and did or would do.
package struct RecoveryReport: Sendable, Encodable, Equatable {
    package enum Index: String, Sendable, Encodable {
        /// The index opens: only what it lacks is brought back.
        case kept
        /// Made anew from the sealed catalogue.
        case fromCatalogue
        /// Made anew from the accounts' keys: names, and all mail in `Recovered`.
        case fromKeys
    }

    package struct Account: Sendable, Encodable, Equatable {
        package var name: String
        /// The account itself was lost.
        package var isMade = false
        /// Messages that the index has.
        package var inPlace = 0
        /// Messages that come back to their mailbox with UID, flags and dates.
        package var restored = 0
        /// Messages for the mailbox `Recovered`.
        package var recovered = 0
        /// Messages of the catalogue whose body is nowhere.
        package var lost = 0
    }

    package var index = Index.kept
    /// Why the index was made anew.
    package var reason: String?
    /// When the catalogue was written, ISO 8601.
    package var catalogue: String?
    package var accounts: [Account] = []
    /// Whole records that the index knows.
    package var bodies = 0
    /// Records of mail that was removed, and takes up room still.
    package var removed = 0
    /// Entries that come back to the outgoing queue, marked so that nobody sends them twice unasked.
    package var queued = 0
    package var damaged = 0
    package var withoutKey = 0
    package var problems: [String] = []
    package var isApplied = false

    package static let mostProblems = 1_000

    /// Whether applying it changes anything.
    package var changes: Bool {
        index != .kept || queued > 0 || accounts.contains { $0.isMade || $0.restored > 0 || $0.recovered > 0 }
    }

    mutating func note(_ problem: String) { if problems.count < RecoveryReport.mostProblems { problems.append(problem) } }
}
