/// Header fields in the order they came or go (RFC 9110 §5). Names are compared without regard to case.
package struct HTTPFields: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    package struct Field: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    package private(set) var list: [Field] = []

    package init() {}

    /// With room for as many.
    package init(capacity: Int) { list.reserveCapacity(capacity) }

    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }

    /// Adds one more field. A name that is no token (RFC 9110 §5.6.2), or a value with CR, LF or NUL in it, is refused: it is not added and the answer is
    /// false, so that no answer can be split in two (S69, S70).
    @discardableResult
    package mutating func add(_ name: String, _ value: String) -> Bool {
        guard HTTPFields.isToken(name), HTTPFields.isValue(value) else { return false }
        list.append(Field(name: name, value: value))
        return true
    }

    /// Adds what a parser has checked already.
    package mutating func add(parsed name: String, _ value: String) { list.append(Field(name: name, value: value)) }

    /// Puts one field in the place of all that have its name.
    @discardableResult
    package mutating func set(_ name: String, _ value: String) -> Bool {
        remove(name)
        return add(name, value)
    }

    package mutating func remove(_ name: String) { list.removeAll { HTTPFields.same($0.name, name) } }

    /// The value of the only field of this name; nil where there is none, or more than one: which of them holds must not depend on who reads.
    package func only(_ name: String) -> String? {
        var found: String?
        for field in list where HTTPFields.same(field.name, name) {
            guard found == nil else { return nil }
            found = field.value
        }
        return found
    }

    /// All values of a name, in order.
    package func all(_ name: String) -> [String] {
        var values: [String] = []
        for field in list where HTTPFields.same(field.name, name) { values.append(field.value) }
        return values
    }

    package func has(_ name: String) -> Bool { list.contains { HTTPFields.same($0.name, name) } }

    /// The members of a field whose value is a list (RFC 9110 §5.6.1), of all fields of that name, without blanks around them; in small letters.
    package func members(_ name: String) -> [String] {
        all(name).flatMap { value in
            value.split(separator: ",").map { member in
                String(member.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed()).lowercased()
            }
        }.filter { !$0.isEmpty }
    }

    private static func same(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return left == right || zip(left.utf8, right.utf8).allSatisfy { small($0) == small($1) }
    }

    private static func small(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    package static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    private static func isValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { $0 != 0 && $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
    }
}
