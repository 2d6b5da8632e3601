/// A command's name: a row of the table of verbs (`VerbTable`), which has all that is known of it.
package struct Verb: Hashable, Sendable, CaseIterable {
    private let index: UInt8

    private init(_ index: Int) { self.index = UInt8(truncatingIfNeeded: index) }

    /// Nil for a name that is not served. `name` in capitals, `UID` before it where it belongs to it.
    package init?(_ name: String) {
        guard let verb = Verb.byName[name] else { return nil }
        self = verb
    }

    /// Of those that the house itself speaks of.
    private init(known name: StaticString) {
        guard let verb = Verb("\(name)") else { preconditionFailure("the table has no \(name)") }
        self = verb
    }

    package static let allCases = VerbTable.rows.indices.map { Verb($0) }

    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

    var row: VerbRow { VerbTable.rows[Int(index)] }

    /// In capitals.
    package var rawValue: String { row.name }

    /// Whether a message comes with it, which is streamed.
    var addsMessage: Bool {
        switch row.form {
        case .append, .replace: true
        case .line, .lineWithBinary: false
        }
    }

    /// Whether it names a message that the one which comes with it takes the place of.
    var replacesMessage: Bool { row.form == .replace }
    /// Whether its literals may be literal8.
    var allowsBinary: Bool { row.form == .lineWithBinary }
}

// What is begun without a command of that name, and what begins otherwise than by a line.
extension Verb {
    static let append = Verb(known: "APPEND")
    static let replace = Verb(known: "REPLACE")
    static let idle = Verb(known: "IDLE")
    static let authenticate = Verb(known: "AUTHENTICATE")
    static let notify = Verb(known: "NOTIFY")
    static let search = Verb(known: "SEARCH")
}
