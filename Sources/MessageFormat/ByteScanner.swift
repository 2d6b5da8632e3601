package import NIOCore

/// A cursor over bytes, which every grammar of the house reads through. It never reads past the end: what is not there
/// is nil, false or empty. A value: copy it to look ahead, and put the copy back to return.
///
/// Each step costs O(1), each `take` O(octets taken); slices share the storage and copy nothing.
package struct ByteScanner: Sendable {
    /// What is being read, from its first octet on.
    @usableFromInline
    package let bytes: ByteBuffer

    @usableFromInline
    package var offset: Int

    @inlinable
    package init(_ bytes: ByteBuffer) {
        self.bytes = bytes.slice()
        offset = 0
    }

    @inlinable
    package init(_ text: String) {
        self.init(ByteBuffer(string: text))
    }

    /// Octets from the start, 0...count. Setting it beyond either end stops at that end.
    @inlinable
    package var position: Int {
        get { offset }
        set { offset = min(max(newValue, 0), bytes.writerIndex) }
    }

    @inlinable
    package var remaining: Int { bytes.writerIndex - offset }

    @inlinable
    package var isAtEnd: Bool { offset == bytes.writerIndex }

    /// What is left, without taking it.
    @inlinable
    package var rest: ByteBuffer { slice(from: offset, to: bytes.writerIndex) }

    /// The octets between two positions; empty when they are not in order or not inside.
    @inlinable
    package func slice(from start: Int, to end: Int) -> ByteBuffer {
        guard start >= 0, end >= start else { return ByteBuffer() }
        return bytes.getSlice(at: start, length: end - start) ?? ByteBuffer()
    }

    @inlinable
    package func peek() -> UInt8? { peek(at: 0) }

    /// The octet `distance` after the next one.
    @inlinable
    package func peek(at distance: Int) -> UInt8? {
        guard distance >= 0, distance < remaining else { return nil }
        return bytes.withUnsafeReadableBytes { $0[offset + distance] }
    }

    @inlinable
    package mutating func next() -> UInt8? {
        guard let octet = peek() else { return nil }
        offset += 1
        return octet
    }

    /// Takes the next octet if it is this one.
    @inlinable
    package mutating func take(_ octet: UInt8) -> Bool {
        guard peek() == octet else { return false }
        offset += 1
        return true
    }

    /// Takes these octets if they come next, as they are.
    @inlinable
    package mutating func take(_ literal: StaticString) -> Bool {
        take(literal) { $0 }
    }

    /// Takes these octets if they come next, in any mixture of ASCII cases. Write `literal` in either case.
    @inlinable
    package mutating func take(caseInsensitive literal: StaticString) -> Bool {
        take(literal, folding: OctetSet.lowercased)
    }

    @inlinable
    mutating func take(_ literal: StaticString, folding fold: (UInt8) -> UInt8) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard literal.hasPointerRepresentation, count <= remaining else { return false }
        let expected = UnsafeBufferPointer(start: literal.utf8Start, count: count)
        let start = offset
        let same = bytes.withUnsafeReadableBytes { octets in
            for index in 0..<count where fold(octets[start + index]) != fold(expected[index]) { return false }
            return true
        }
        if same { offset += count }
        return same
    }

    /// Takes the longest run of octets that belong; it may be empty.
    @inlinable
    package mutating func take(while belongs: (UInt8) -> Bool) -> ByteBuffer {
        let start = offset
        skip(while: belongs)
        return slice(from: start, to: offset)
    }

    /// Takes the longest run of octets of a set; it may be empty.
    @inlinable
    package mutating func take(while set: OctetSet) -> ByteBuffer {
        take { set.contains($0) }
    }

    /// Passes over the longest run of octets that belong, and tells how many.
    @inlinable @discardableResult
    package mutating func skip(while belongs: (UInt8) -> Bool) -> Int {
        let start = offset
        offset = bytes.withUnsafeReadableBytes { octets in
            var index = start
            while index < octets.count, belongs(octets[index]) { index += 1 }
            return index
        }
        return offset - start
    }

    @inlinable @discardableResult
    package mutating func skip(while set: OctetSet) -> Int {
        skip { set.contains($0) }
    }

    /// Exactly so many octets, or nil (and nothing taken) when fewer are left.
    @inlinable
    package mutating func take(count: Int) -> ByteBuffer? {
        guard count >= 0, count <= remaining else { return nil }
        offset += count
        return slice(from: offset - count, to: offset)
    }

    /// Decimal digits as a number up to `limit`; nil, and nothing taken, when there is no digit or the number is
    /// greater.
    @inlinable
    package mutating func takeNumber(upTo limit: UInt64 = .max) -> UInt64? {
        let start = offset
        var value: UInt64 = 0
        var overflowed = false
        skip { octet in
            guard octet >= 0x30, octet <= 0x39 else { return false }
            let (tens, carry) = value.multipliedReportingOverflow(by: 10)
            let (sum, excess) = tens.addingReportingOverflow(UInt64(octet &- 0x30))
            overflowed = overflowed || carry || excess
            value = sum
            return true
        }
        guard offset > start, !overflowed, value <= limit else {
            offset = start
            return nil
        }
        return value
    }
}
