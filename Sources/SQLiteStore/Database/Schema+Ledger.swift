extension Schema {
    /// Version 3: changes that are committed before the rows they change.
    static let ledger = ""
}
