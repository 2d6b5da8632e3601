extension Schema {
    /// Version 2: who else may use a mailbox, what an account may hold, and what is said about mailboxes.
    static let rights = """
        -- Access lists. account 0: anyone.
        CREATE TABLE access (
            mailbox INTEGER NOT NULL,
            account INTEGER NOT NULL,
            negative INTEGER NOT NULL,
            rights INTEGER NOT NULL,
            PRIMARY KEY (mailbox, account, negative)) WITHOUT ROWID;

        -- Limits of accounts that differ from the configured ones. NULL: as configured; 0: none.
        CREATE TABLE quota (
            account INTEGER PRIMARY KEY,
            storage INTEGER,
            messages INTEGER,
            mailboxes INTEGER);

        -- Annotations. mailbox 0: of the server. Name and value are sealed under the key of `account`: the mailbox's owner for a shared entry,
        -- whose it is for a private one.
        CREATE TABLE metadata (
            id INTEGER PRIMARY KEY,
            mailbox INTEGER NOT NULL,
            account INTEGER NOT NULL,
            shared INTEGER NOT NULL,
            sealed BLOB NOT NULL);
        CREATE INDEX metadata_of_mailbox ON metadata (mailbox, account);
        CREATE INDEX metadata_of_account ON metadata (account);
        """
}
