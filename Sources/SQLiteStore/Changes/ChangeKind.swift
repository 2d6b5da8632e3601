/// What a row of the change log says happened. The row's object is an id whose meaning the kind gives; so far all are mailboxes.
enum ChangeKind: Int64 {
    case placed = 1
    case flags = 2
    case expunged = 3
    case mailboxCreated = 4
    case mailboxDeleted = 5
    case mailboxRenamed = 6
    case subscription = 7
    case rights = 8
    case metadata = 9
}
