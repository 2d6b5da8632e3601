extension Schema {
    /// Version 6: what readers of the change log need.
    static let changeLog = """
        -- What mailboxes were called and are called, or a name that was subscribed to; sealed under the account's key. NULL in rows without names, and in
        -- all of schema 5.
        ALTER TABLE change ADD COLUMN names BLOB;

        -- The e-mail ids of messages that left a mailbox, as their rows were removed. uid: the last one's. Without a row of an expunged message it was
        -- removed before this was kept.
        CREATE TABLE departed (
            account INTEGER NOT NULL,
            mod_seq INTEGER NOT NULL,
            mailbox INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            emails BLOB NOT NULL,
            PRIMARY KEY (account, mod_seq, mailbox, uid)) WITHOUT ROWID;

        -- Changes up to mod_seq are not told any more; up to pruned, their rows are removed. No row: all is told.
        CREATE TABLE change_floor (
            account INTEGER PRIMARY KEY,
            mod_seq INTEGER NOT NULL,
            pruned INTEGER NOT NULL);

        -- How far a log had come at a time.
        CREATE TABLE change_time (
            account INTEGER NOT NULL,
            time INTEGER NOT NULL,
            mod_seq INTEGER NOT NULL,
            PRIMARY KEY (account, time)) WITHOUT ROWID;
        """
}
