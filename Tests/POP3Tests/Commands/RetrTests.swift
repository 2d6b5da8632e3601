import Conversation
import NIOCore
import POP3
import Rehearsal
import Storage
import Synchronization
import Testing

@Suite("RETR of big messages")
struct RetrTests {
    /// 2.4 MB, with lines that begin with dots where pieces of 256 KiB meet.
    static let big: String = {
        var text = "Subject: Big\r\n\r\n"
        while text.utf8.count < 2_400_000 { text += ".12345\r\n..\r\n.\r\nabcdefg\r\n" }
        return text
    }()

    @Test("comes in pieces, whole and stuffed: RFC 1939 §3, §5")
    func pieces() async throws {
        let house = try await House()
        try await house.deliver(Self.big)
        let talk = await house.visit()
        let answer = await talk.send("RETR 1\r\n")
        #expect(answer.hasPrefix("+OK \(Self.big.utf8.count) octets\r\n") && answer.hasSuffix("\r\n.\r\n"))
        let lines = answer.split(separator: "\r\n", omittingEmptySubsequences: false).dropFirst().dropLast(2)
        let text = lines.map { $0.hasPrefix(".") ? String($0.dropFirst()) : String($0) }.joined(separator: "\r\n") + "\r\n"
        #expect(text == Self.big)
        let top = await talk.send("TOP 1 60000\r\n")
        // The reply, a header of two lines, the body's, and the end.
        let count = top.split(separator: "\r\n", omittingEmptySubsequences: false).count
        #expect(count == 60_005)
        await talk.hangUp()
    }

    @Test("a message that breaks off does not end as if it were whole: the connection closes")
    func brokenOff() async throws {
        let house = try await House()
        try await house.deliver(Self.big)
        let memory = try #require(house.memory)
        let link = BreakingLink { memory.fail([.read], with: .corrupt("a flipped bit")) }
        var session = house.worker.session()
        var output = ByteBuffer()
        session.begin(House.secure, &output)
        var input = ByteBuffer(string: "USER alice\r\nPASS kite above the sea\r\nRETR 1\r\n")
        var isRetrieving = false
        loop: while true {
            switch session.advance(&input, &output) {
            case .again: continue
            case .work(let work):
                if case .retrieve = work { isRetrieving = true }
                session.absorb(await house.worker.perform(work, link), &output)
            default: break loop
            }
        }
        #expect(isRetrieving)
        let (written, isClosed) = link.end
        #expect(isClosed)
        #expect(written > 200_000 && written < 600_000)
        house.worker.closed(session)
    }
}

/// Something happens after its first write.
private final class BreakingLink: Link {
    private struct State {
        var written = 0
        var isClosed = false
        var isFirst = true
    }

    let facts = House.secure
    private let state = Mutex(State())
    private let onFirst: @Sendable () -> Void

    init(_ onFirst: @escaping @Sendable () -> Void) { self.onFirst = onFirst }

    var end: (written: Int, isClosed: Bool) { state.withLock { ($0.written, $0.isClosed) } }

    func write(_ bytes: ByteBuffer) async throws {
        let isFirst = state.withLock { state in
            state.written += bytes.readableBytes
            defer { state.isFirst = false }
            return state.isFirst
        }
        if isFirst { onFirst() }
    }

    func poke() {}
    func close() { state.withLock { $0.isClosed = true } }
}
