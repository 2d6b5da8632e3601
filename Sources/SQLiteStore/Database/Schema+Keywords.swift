extension Schema {
    /// Version 6: keywords of mailboxes that have more than a message's `flags` have bits for.
    static let keywords = """
        -- Keywords from place 59 on, in order of their places; the first 59 are in `mailbox`, which also says how many are here.
        CREATE TABLE keyword (
            mailbox INTEGER PRIMARY KEY,
            further TEXT NOT NULL);

        -- Which of those a message has, of the messages that have any: bit 0 is place 59.
        CREATE TABLE further (
            mailbox INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            bits BLOB NOT NULL,
            PRIMARY KEY (mailbox, uid)) WITHOUT ROWID;

        -- What a change of flags does to those. NULL: nothing.
        ALTER TABLE ledger ADD COLUMN further BLOB;

        -- Of each block the flags and keywords that at least one row has. NULL: not known.
        ALTER TABLE directory ADD COLUMN used BLOB;
        """
}
