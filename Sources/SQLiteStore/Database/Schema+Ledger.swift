extension Schema {
    /// Version 3: changes that are committed before the rows they change. What waited to be released is released here, for a record does that from now on;
    /// files of bodies that nobody holds are removed at start anyway.
    static let ledger = """
        -- Changes of many rows; until a record is folded, the rows are what it makes of them.
        CREATE TABLE ledger (
            id INTEGER PRIMARY KEY,
            mailbox INTEGER NOT NULL,
            account INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            kept INTEGER NOT NULL,
            added INTEGER NOT NULL,
            mod_seq INTEGER NOT NULL,
            folded INTEGER NOT NULL,
            uids BLOB NOT NULL);
        CREATE INDEX ledger_mailbox ON ledger (mailbox);

        UPDATE holder SET messages=messages-(SELECT count(*) FROM release WHERE release.body=holder.body AND release.account=holder.account)
            WHERE body IN (SELECT body FROM release);
        INSERT INTO meta SELECT 'last-body', highest FROM (SELECT max(body) AS highest FROM release) WHERE highest IS NOT NULL
            ON CONFLICT (key) DO UPDATE SET value=max(value, excluded.value);
        DELETE FROM holder WHERE messages<=0;
        UPDATE segment SET dead=dead+coalesce((SELECT sum(length) FROM body WHERE body.segment=segment.id
            AND NOT EXISTS (SELECT 1 FROM holder WHERE holder.body=body.id)), 0);
        DELETE FROM body WHERE NOT EXISTS (SELECT 1 FROM holder WHERE holder.body=body.id);
        DROP TABLE release;
        """
}
