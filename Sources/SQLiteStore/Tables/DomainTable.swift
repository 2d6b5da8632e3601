import MailModel
import Storage

/// The domains whose mail the store takes.
struct DomainTable: Table {
    static let place = TableList.place(of: DomainTable.self)

    private(set) var domains: Set<Domain> = []

    struct Changes: StagedChanges {
        /// All of them, where one came or went.
        var domains: Set<Domain>?
    }

    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) {
        do {
            let rows = try connection.prepare("SELECT name FROM domain")
            defer { rows.reset() }
            while try rows.step() { if let domain = Domain(rows.text(0)) { tables[DomainTable.self].domains.insert(domain) } }
        } catch {
            tables.damage.domains = true
            tables.damage.note("domains: \(error)")
        }
        guard tables.damage.domains else { return }
        for entry in tables.accounts.values { tables[DomainTable.self].domains.insert(entry.record.name.domain) }
    }

    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        if let domains = changes.domains { tables[DomainTable.self].domains = domains }
    }

    static func concernsCatalogue(_ changes: Changes) -> Bool { changes.domains != nil }
}

extension Catalog.State {
    var domains: Set<Domain> { self[DomainTable.self].domains }
}

extension Transaction {
    var domains: Set<Domain> { staged[DomainTable.self].domains ?? catalog.read { $0.domains } }

    func add(_ domain: Domain) throws {
        var domains = domains
        guard domains.insert(domain).inserted else { throw StorageFault.nameTaken }
        try write("INSERT INTO domain VALUES (?)", .text(domain.value))
        staged[DomainTable.self].domains = domains
    }

    func remove(_ domain: Domain) throws {
        var domains = domains
        guard domains.remove(domain) != nil else { throw StorageFault.noSuchDomain }
        guard try connection.number("SELECT 1 FROM account WHERE domain=? LIMIT 1", .text(domain.value)) == nil else {
            throw StorageFault.notAllowed("the domain has accounts")
        }
        try write("DELETE FROM domain WHERE name=?", .text(domain.value))
        staged[DomainTable.self].domains = domains
    }
}
