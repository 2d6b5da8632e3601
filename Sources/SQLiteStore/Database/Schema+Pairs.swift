extension Schema {
    /// Version 8: small things that are kept by name.
    static let pairs = """
        -- Key and value lie sealed together. An id is never another pair's.
        CREATE TABLE pair (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            keyspace INTEGER NOT NULL,
            sealed BLOB NOT NULL);
        """
}
