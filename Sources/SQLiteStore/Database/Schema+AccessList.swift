extension Schema {
    /// Access lists that speak of names, too. A list of before stays in `access` until it changes: to seal it a migration would need its owner's key.
    static let accessList = """
        -- Each mailbox's list, sealed under its owner's key: whom somebody trusts is nobody's to read.
        CREATE TABLE access_list (
            mailbox INTEGER PRIMARY KEY,
            sealed BLOB NOT NULL);
        """
}
