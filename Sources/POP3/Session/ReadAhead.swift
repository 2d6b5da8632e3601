import NIOCore
import PostOffice
import Storage

/// Messages that are read before they are asked for: who retrieves one after the other nearly always wants the next, and then it is here.
///
/// One batch is held and one more is being read or held; what all sessions hold together is `Maildrops`' to bound.
struct ReadAhead: Sendable {
    /// Of one batch. A larger message is read when it is asked for, in pieces.
    static let most = (messages: 64, octets: 128 << 10)

    private var held: [AheadBatch] = []
    private var pending: Range<Int>?
    /// The message that was retrieved last, and how many in a row.
    private var last = -1
    private var run = 0
    /// Something could not be read, or there is no room: who asks will see.
    private var isOff = false

    /// Whether a message is held, is being read, or is to be read by itself.
    enum Availability { case held, pending, notAhead }

    func availability(of retrieval: Retrieval) -> Availability {
        guard retrieval.lines == nil else { return .notAhead }
        if held.contains(where: { $0.range.contains(retrieval.index) }) { return .held }
        return pending?.contains(retrieval.index) ?? false ? .pending : .notAhead
    }

    /// A message that is retrieved; its octets when they are here.
    mutating func retrieve(_ index: Int) -> ByteBuffer? {
        // A batch goes with its last message, or when the client passes over that.
        held.removeAll { $0.range.upperBound <= index }
        let body = held.first?.body(index)
        if body == nil { held = [] }
        run = index == last + 1 || body != nil ? run + 1 : 1
        last = index
        if held.first?.range.upperBound == index + 1 { held.removeFirst() }
        return body
    }

    /// Messages that are worth reading now; they are coming then.
    mutating func next(_ rows: MailboxSnapshot) -> Range<Int>? {
        guard run >= 2, !isOff, pending == nil, held.count <= 1 else { return nil }
        let start = held.last?.range.upperBound ?? last + 1
        var end = start
        var octets = 0
        do {
            try rows.forEach(in: start..<start + ReadAhead.most.messages) { index, row in
                octets += Int(row.size)
                guard octets <= ReadAhead.most.octets else { return false }
                end = index + 1
                return true
            }
        } catch {
            isOff = true
            return nil
        }
        guard end > start else { return nil }
        pending = start..<end
        return pending
    }

    /// What came of `next`.
    mutating func absorb(_ batch: AheadBatch?) {
        pending = nil
        guard let batch else { return isOff = true }
        // Otherwise the client has gone elsewhere.
        if batch.range.contains(held.last?.range.upperBound ?? last + 1) { held.append(batch) }
    }
}

/// Neighbours in a maildrop, whole.
package struct AheadBatch: Sendable {
    let range: Range<Int>
    private let bodies: [ByteBuffer]
    private let loan: MemoryLoan

    init(_ range: Range<Int>, _ bodies: [ByteBuffer], _ loan: MemoryLoan) {
        self.range = range
        self.bodies = bodies
        self.loan = loan
    }

    func body(_ index: Int) -> ByteBuffer? {
        guard range.contains(index), index - range.lowerBound < bodies.count else { return nil }
        return bodies[index - range.lowerBound]
    }
}
