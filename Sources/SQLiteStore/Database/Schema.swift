import Storage

/// The tables, and how each version of them becomes the next.
///
/// Readable on disk: ids, UIDs, flags and keywords, sizes, dates, account and domain names, password hashes. Sealed: mailbox names, access lists,
/// everything that comes from a message (bodies, headers, envelope, structure, preview); references between messages are kept as keyed hashes.
enum Schema {
    static let version = firstSealed + sealedSteps.count
    /// The last one whose pages are not sealed.
    static let lastPlain = steps.count
    /// The first one whose pages are sealed (`Migration`); its tables are those of the one before.
    static let firstSealed = lastPlain + 1

    /// What makes of an empty database one of version 1, of that one of version 2, and so on.
    static let steps = [first, rights, ledger, directory]
    /// What makes of the first sealed version the next one, and so on. A step reads no table whole: one damaged page would keep the server from starting.
    static let sealedSteps = [six, seven, eight].map { $0.joined(separator: "\n") }

    /// Version 6.
    static let six: [String] = [keywords, changeLog, queue, formerHolders, accessList]

    /// Version 7.
    static let seven: [String] = [queueState, trace]

    /// Version 8.
    static let eight: [String] = [pairs]

    /// Makes the tables in a new database.
    static func make(_ connection: Connection) throws {
        try connection.execute("BEGIN IMMEDIATE")
        for step in steps + sealedSteps { try connection.execute(step) }
        try connection.execute("PRAGMA user_version=\(version)")
        try connection.execute("COMMIT")
    }

    static let first = """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

        CREATE TABLE domain (name TEXT PRIMARY KEY) WITHOUT ROWID;

        CREATE TABLE account (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            folded TEXT NOT NULL UNIQUE,
            domain TEXT NOT NULL,
            password TEXT NOT NULL,
            enabled INTEGER NOT NULL,
            created INTEGER NOT NULL,
            last_login INTEGER,
            mod_seq INTEGER NOT NULL,
            uid_validity INTEGER NOT NULL,
            sealed_key BLOB NOT NULL);

        CREATE TABLE mailbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            account INTEGER NOT NULL,
            sealed_name BLOB NOT NULL,
            special_use TEXT,
            uid_validity INTEGER NOT NULL,
            uid_next INTEGER NOT NULL,
            mod_seq INTEGER NOT NULL,
            messages INTEGER NOT NULL,
            unseen INTEGER NOT NULL,
            deleted INTEGER NOT NULL,
            size INTEGER NOT NULL,
            recent_floor INTEGER NOT NULL,
            keywords TEXT NOT NULL);

        CREATE TABLE subscription (
            id INTEGER PRIMARY KEY,
            account INTEGER NOT NULL,
            sealed_name BLOB NOT NULL);

        -- The narrow rows of mailboxes.
        CREATE TABLE message (
            mailbox INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            flags INTEGER NOT NULL,
            mod_seq INTEGER NOT NULL,
            body INTEGER NOT NULL,
            internal_date INTEGER NOT NULL,
            save_date INTEGER NOT NULL,
            size INTEGER NOT NULL,
            thread INTEGER NOT NULL,
            PRIMARY KEY (mailbox, uid)) WITHOUT ROWID;

        -- Where a body lies, and its sealed outline. segment 0: in a file of its own.
        CREATE TABLE body (
            id INTEGER PRIMARY KEY,
            segment INTEGER NOT NULL,
            position INTEGER NOT NULL,
            length INTEGER NOT NULL,
            size INTEGER NOT NULL,
            parser INTEGER NOT NULL,
            outline BLOB NOT NULL);

        -- Which accounts can open a body, by how many of their messages, with the body's key wrapped under the account's.
        CREATE TABLE holder (
            body INTEGER NOT NULL,
            account INTEGER NOT NULL,
            messages INTEGER NOT NULL,
            sealed_key BLOB NOT NULL,
            PRIMARY KEY (body, account)) WITHOUT ROWID;

        -- Messages that left a mailbox, whose bodies a session may still be looking at.
        CREATE TABLE release (
            id INTEGER PRIMARY KEY,
            mailbox INTEGER NOT NULL,
            account INTEGER NOT NULL,
            body INTEGER NOT NULL);

        CREATE TABLE segment (
            id INTEGER PRIMARY KEY,
            indexed INTEGER NOT NULL,
            dead INTEGER NOT NULL);

        -- The one change log of each account.
        CREATE TABLE change (
            account INTEGER NOT NULL,
            mod_seq INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            mailbox INTEGER NOT NULL,
            uids BLOB NOT NULL,
            PRIMARY KEY (account, mod_seq, kind, mailbox)) WITHOUT ROWID;
        CREATE INDEX change_expunged ON change (mailbox, mod_seq) WHERE kind = 3;

        -- Keyed hashes of message ids, to find a message's thread by.
        CREATE TABLE reference (
            account INTEGER NOT NULL,
            hash INTEGER NOT NULL,
            thread INTEGER NOT NULL,
            PRIMARY KEY (account, hash)) WITHOUT ROWID;
        """
}
