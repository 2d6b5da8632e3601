import MailModel
import Storage

extension Catalog {
    /// All tables, and what the opening could not read of them. There is one of each catalog, within its lock; loading has it before that.
    struct State: ~Copyable, Sendable {
        private let boxes = TableList.kinds.map { $0.makeBox() }
        /// What the opening could not read.
        var damage = IndexDamage()

        subscript<Kind: Table>(kind: Kind.Type) -> Kind {
            _read { yield box(of: kind).table }
            _modify { yield &box(of: kind).table }
        }

        private func box<Kind: Table>(of kind: Kind.Type) -> TableBox<Kind> { unsafeDowncast(boxes[kind.place], to: TableBox<Kind>.self) }

        /// What an account had that is gone.
        mutating func forget(_ account: AccountID) { for box in boxes { box.forget(account) } }
    }
}

/// Where a state keeps a table, so that one of a kind that is not named here is changed in place.
///
/// `@unchecked Sendable`: only the state that made it reaches it, which cannot be copied, and lies within the catalog's lock as soon as it is shared.
class AnyTableBox: @unchecked Sendable {
    func forget(_ account: AccountID) {}
}

private final class TableBox<Kind: Table>: AnyTableBox, @unchecked Sendable {
    // The state's own exclusivity is the table's.
    @exclusivity(unchecked) var table = Kind()

    override func forget(_ account: AccountID) { table.forget(account) }
}

extension Table {
    fileprivate static func makeBox() -> AnyTableBox { TableBox<Self>() }
}
