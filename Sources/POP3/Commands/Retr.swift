import Conversation
import MailModel
import NIOCore
import PostOffice
import Storage

/// RETR and TOP (RFC 1939 §5, §7) on their way to the client: whole where they are small, else in pieces, each sent when the client has
/// taken the one before.
struct Delivery: Sendable {
    let maildrop: Maildrop
    let worker: POP3Worker
    let link: any Link
    private var output = ByteBuffer()

    /// Octets of a message that are read at a time; up to here it is read whole, together with others.
    private static let piece = 256 << 10
    /// Octets that are sent at once.
    private static let flushSize = 64 << 10
    /// TOP reads no more than this at first: most headers, and a chunk of the store.
    private static let top = 16 << 10

    init(maildrop: Maildrop, worker: POP3Worker, link: any Link) {
        self.maildrop = maildrop
        self.worker = worker
        self.link = link
    }

    consuming func carryOut(_ retrievals: [Retrieval]) async {
        let current = maildrop.current
        let bodies = await read(retrievals.filter { $0.lines == nil && Int($0.row.size) <= Delivery.piece }.map(\.row))
        do {
            for retrieval in retrievals {
                if try await worker.mailroom.withRows(of: maildrop, { try current.row(retrieval.row.uid) }) == nil {
                    // Expunged by another client; numbers stay as they are (RFC 1939 §5).
                    Reply.gone.write(to: &output)
                } else if retrieval.lines == nil, let body = bodies[retrieval.row.body], body.readableBytes == Int(retrieval.row.size) {
                    output.writeMessage(body)
                } else {
                    try await send(retrieval)
                }
                if output.readableBytes >= Delivery.flushSize { try await flush() }
            }
            try await flush()
        } catch {
            // The connection is gone, or a message broke off: it must not end as if it were whole.
            link.close()
        }
    }

    /// Read together; when one cannot be read, each is left to be read by itself.
    private func read(_ rows: [MessageRow]) async -> [BodyID: ByteBuffer] {
        // try?: each is read by itself then, and the one that cannot be is told.
        guard rows.count > 1, let bodies = try? await worker.mailroom.read(rows, in: maildrop) else { return [:] }
        return Dictionary(zip(rows.lazy.map(\.body), bodies)) { first, _ in first }
    }

    /// In pieces. The first is read before anything is said, so that what cannot be read is an answer.
    private mutating func send(_ retrieval: Retrieval) async throws {
        let size = Int(retrieval.row.size)
        var end = min(size, retrieval.lines == nil ? Delivery.piece : Delivery.top)
        var piece: ByteBuffer
        switch await read(0..<end, retrieval) {
        case .success(let bytes): piece = bytes
        case .failure(let problem): return problem.reply.write(to: &output)
        }
        var stuffer = DotStuffer()
        var top = retrieval.lines.map { TopLines(lines: $0) }
        Reply.ok(top == nil ? "\(size) octets" : "The top follows").write(to: &output)
        while true {
            stuffer.write(top?.take(piece) ?? piece, to: &output)
            guard end < size, top?.isComplete != true else { break }
            try await flush()
            let next = min(size, end + Delivery.piece)
            piece = try await read(end..<next, retrieval).get()
            end = next
        }
        stuffer.finish(&output)
    }

    /// Why a message cannot be read on; it is in the log.
    private struct Problem: Error {
        let reply: Reply
    }

    private func read(_ range: Range<Int>, _ retrieval: Retrieval) async -> Result<ByteBuffer, Problem> {
        let row = retrieval.row
        do {
            let bytes = try await worker.mailroom.read(range, of: row, in: maildrop)
            guard bytes.readableBytes == range.count else {
                throw StorageFault.corrupt("body \(row.body.rawValue) has \(bytes.readableBytes) octets at \(range)")
            }
            return .success(bytes)
        } catch {
            return .failure(Problem(reply: worker.reply(to: error, retrieval.lines == nil ? .retr : .top, link)))
        }
    }

    private mutating func flush() async throws {
        guard output.readableBytes > 0 else { return }
        let bytes = output
        output = ByteBuffer()
        try await link.write(bytes)
    }
}
