/// Every kind of row that the store's index has. The one list that a new kind joins.
enum TableList {
    /// Each behind those that it looks at.
    static let kinds: [any Table.Type] = [
        AccountTable.self,
        DomainTable.self,
        ChangeTable.self,
        MailboxTable.self,
        SegmentTable.self,
        QuotaTable.self,
        SubscriptionTable.self,
        AccessTable.self,
        MetadataTable.self,
        BlockDirectoryTable.self,
        ReferenceTable.self,
        BodyTable.self,
        QueueTable.self,
        TraceTable.self,
        PairTable.self,
    ]

    static let noted = kinds.compactMap { $0 as? any NotedTable.Type }

    static func place(of kind: any Table.Type) -> Int {
        guard let place = kinds.firstIndex(where: { $0 == kind }) else { preconditionFailure("\(kind) is not in the list of tables") }
        return place
    }
}
