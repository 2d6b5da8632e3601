import MailModel

/// What a session holds as long as a mailbox is selected, and not longer.
struct Selection: Sendable {
    let login: Login
    var view: MailboxView
    /// UIDs of new messages whose items NOTIFY owes.
    var owed = NumberSet()
    /// Searches that are kept up to date.
    var contexts = Contexts()
    /// News that are written as the client takes them.
    var untold: [MailboxUpdates] = []
    /// Answers that wait until the contexts and those news are.
    var delayed: [(tag: Tag, answer: StatusResponse)] = []

    init(_ login: Login, _ view: MailboxView) {
        self.login = login
        self.view = view
    }

    /// Something has to be told or worked out before the next answer.
    var isOwing: Bool { contexts.isBehind || !untold.isEmpty }
}
