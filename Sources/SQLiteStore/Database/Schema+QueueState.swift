extension Schema {
    /// Version 7: what has become of entries of the queue, and the keys that they lie under.
    static let queueState = """
        -- hold: why the entry waits; 0: it does not, unless it is `recovered`. key: which of the queue's keys seals its share; 1: the one that the master key
        -- gives, as in schema 6. recipients: how many it has, and of how many it waits; 0 of both in a row of schema 6 that has not changed since.
        ALTER TABLE queue ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE queue ADD COLUMN key INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE queue ADD COLUMN recipients INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE queue ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;

        -- How far an entry is with a recipient, by its place in the draft. One without a row has not been tried, and is due from the beginning.
        -- attempt: what came of the last try, sealed under the entry's key.
        CREATE TABLE queue_recipient (
            entry INTEGER NOT NULL,
            number INTEGER NOT NULL,
            phase INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            due INTEGER NOT NULL,
            told INTEGER NOT NULL,
            attempt BLOB,
            PRIMARY KEY (entry, number)) WITHOUT ROWID;

        -- The queue's keys, each until all that it seals has left the queue. Sealed under the master key.
        CREATE TABLE queue_key (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            made INTEGER NOT NULL,
            sealed_key BLOB NOT NULL);
        """
}
