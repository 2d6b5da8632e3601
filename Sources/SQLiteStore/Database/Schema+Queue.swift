extension Schema {
    /// Version 6: the outgoing queue, which holds bodies as accounts do, as holder 0.
    static let queue = """
        -- Entries. id: body << 16 | number. Who sent a message and who gets it lies sealed with the body's key in the queue's row of holders.
        -- recovered: the index was made anew, and whether the message had gone out already is not known.
        CREATE TABLE queue (
            id INTEGER PRIMARY KEY,
            arrived INTEGER NOT NULL,
            recovered INTEGER NOT NULL);
        """

    /// Version 6: accounts that held a body, and let it go while others went on holding it. Should one get it again, it may be with another head: then
    /// it gets a body of its own, so that what is remembered of the first (words, outlines, blocks of holders) is never taken for the second's. Rows of bodies
    /// that are gone are removed by compaction.
    static let formerHolders = """
        CREATE TABLE former_holder (
            body INTEGER NOT NULL,
            account INTEGER NOT NULL,
            PRIMARY KEY (body, account)) WITHOUT ROWID;
        """
}
