extension Schema {
    /// Version 4: where the blocks of large mailboxes begin and end, so that one is opened without reading its rows.
    static let directory = """
        -- As of a ModSeq of the change log, which names every row that is another since. What is not here is counted from the rows.
        CREATE TABLE directory (
            mailbox INTEGER PRIMARY KEY,
            mod_seq INTEGER NOT NULL,
            blocks BLOB NOT NULL);
        """
}
