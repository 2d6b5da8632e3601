/// A large value behind one reference: handed on and looked into without a copy. It is copied when it is changed while somebody else has it.
///
/// `@unchecked Sendable`: a box is changed only by who alone has it.
struct Boxed<Value: Sendable>: @unchecked Sendable {
    private final class Box {
        // The struct's own exclusivity is the value's.
        @exclusivity(unchecked) var value: Value

        init(_ value: Value) { self.value = value }
    }

    private var box: Box

    init(_ value: Value) { box = Box(value) }

    var value: Value {
        _read { yield box.value }
        _modify {
            if !isKnownUniquelyReferenced(&box) { box = Box(box.value) }
            yield &box.value
        }
    }
}
