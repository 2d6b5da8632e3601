import Foundation
package import NIOCore

/// How many mutants a test run tries, and from which seed on. `make mutants` asks for more.
package struct Mutants: Sendable {
    package let count: Int
    package let seed: UInt64
    /// Those that share a house.
    package static let batch = 20

    /// `MARTLET_MUTANTS`, `MARTLET_MUTANT_SEED`. Over a store on disk fewer are tried: a seventh.
    package init(usual: Int, over premises: Premises = .memory) {
        let environment = ProcessInfo.processInfo.environment
        let asked = environment["MARTLET_MUTANTS"].flatMap { Int($0) } ?? usual
        count = premises == .memory ? asked : (asked + 6) / 7
        seed = environment["MARTLET_MUTANT_SEED"].flatMap { UInt64($0) } ?? 1
    }

    /// The seeds of the mutants, a batch each.
    package var batches: [ClosedRange<UInt64>] {
        stride(from: 0, to: count, by: Mutants.batch).map { first in
            let last = min(first + Mutants.batch, count) - 1
            return seed &* 1_000_000 + UInt64(first)...seed &* 1_000_000 + UInt64(last)
        }
    }
}

extension Rehearsal {
    /// All that the server says to the segments; a handshake that it waits for takes place. Nil when the session waits for what it did not begin.
    package func endure(_ segments: [ByteBuffer]) async -> ByteBuffer? {
        var said = ByteBuffer()
        for segment in segments where !isClosed {
            said.writeImmutableBuffer(await send(segment))
            if isStartingTLS { said.writeString(await secure()) }
            if isStalled { return nil }
        }
        return said
    }
}
