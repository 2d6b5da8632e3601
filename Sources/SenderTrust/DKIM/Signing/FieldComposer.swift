/// Writes a header field of tags, folded so that its lines are short (RFC 5322 §2.1.1).
struct FieldComposer {
    private(set) var text: String
    private var column: Int

    /// Columns.
    private static let widest = 76

    init(name: String) {
        text = name + ":"
        column = text.utf8.count
    }

    /// A tag with its semicolon; a blank or a fold before it.
    mutating func add(_ tag: String) {
        if column + 1 + tag.utf8.count > FieldComposer.widest {
            fold()
        } else {
            text += " "
            column += 1
        }
        write(tag)
    }

    /// A tag whose value may be folded between its parts.
    mutating func add(_ tag: String, parts: some Sequence<String>) {
        var isFirst = true
        for part in parts {
            if isFirst { add(tag + part) } else { join(part) }
            isFirst = false
        }
    }

    /// A value that may be folded anywhere.
    mutating func append(_ value: String) {
        var rest = value.utf8[...]
        while !rest.isEmpty {
            if column >= FieldComposer.widest { fold() }
            let some = rest.prefix(FieldComposer.widest - column)
            write(String(some) ?? "")
            rest = rest.dropFirst(some.count)
        }
    }

    private mutating func join(_ part: String) {
        if column + part.utf8.count > FieldComposer.widest { fold() }
        write(part)
    }

    private mutating func fold() {
        text += "\r\n\t"
        column = 8
    }

    private mutating func write(_ some: String) {
        text += some
        column += some.utf8.count
    }
}
