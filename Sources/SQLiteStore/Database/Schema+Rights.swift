extension Schema {
    /// Version 2: who else may use a mailbox.
    static let rights = ""
}
