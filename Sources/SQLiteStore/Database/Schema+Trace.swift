extension Schema {
    /// Version 7: what happened to messages.
    static let trace = """
        -- Some events of one transaction, sealed. trail, message: keyed hashes of the transaction's id and of the Message-ID, where an event tells it.
        CREATE TABLE trace (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            trail INTEGER NOT NULL,
            message INTEGER,
            sealed BLOB NOT NULL);
        CREATE INDEX trace_trail ON trace (trail);
        CREATE INDEX trace_message ON trace (message) WHERE message IS NOT NULL;
        """
}
