package import Conversation
package import NIOCore

/// Runs a session and its worker without a network, as Transport's driver does, and in a fixed order: work starts at once and runs until it
/// first waits; its outcome is absorbed when the session answers `wait` or has used all its input, in the order of begin.
///
///     let talk = await Rehearsal(worker)
///     #expect(talk.greeting == "220 …\r\n")
///     #expect(await talk.send("NOOP\r\n") == "250 …\r\n")
///
/// Every call returns what the server wrote since the last one, after all work has ended: work must end by itself.
/// One task at a time may use it. End it with `hangUp()` where the worker's `closed` matters.
package final class Rehearsal<Worker: LineWorker> {
    package private(set) var session: Worker.Session
    /// What the server wrote before the client's first byte.
    package private(set) var greeting = ""
    /// The session asked for the handshake and `secure` was not called yet; what is sent meanwhile is dropped.
    package private(set) var isStartingTLS = false
    /// The session asked for compression; what is sent and what comes stays in plain text here.
    package private(set) var isCompressed = false
    /// The session closed, `expire` or `shutdown` ended it, the worker closed the link, or the client hung up.
    package private(set) var isClosed = false
    /// The session answered `wait` while no work was under way: on a real connection only a poke would wake it.
    package private(set) var isStalled = false
    /// The greatest number of pieces of work that were under way at once.
    package private(set) var deepest = 0

    private let worker: Worker
    private let link: RehearsalLink
    private var input = ByteBuffer()
    private var underWay: [Task<Worker.Session.Outcome, Never>] = []

    /// Connects. A connection with `facts.tls` is an implicit-TLS one.
    package init(_ worker: Worker, facts: ConnectionFacts = .rehearsal()) async {
        self.worker = worker
        session = worker.session()
        link = RehearsalLink(facts)
        var output = ByteBuffer()
        session.begin(facts, &output)
        link.append(output)
        await run()
        greeting = String(buffer: link.take())
    }

    /// The facts as they are now: with `tls` once `secure` was called.
    package var facts: ConnectionFacts { link.facts }

    /// Sends the bytes in one piece.
    package func send(_ bytes: ByteBuffer) async -> ByteBuffer {
        guard !isClosed, !isStartingTLS else { return link.take() }
        input.writeImmutableBuffer(bytes)
        await run()
        return link.take()
    }

    package func send(_ bytes: [UInt8]) async -> [UInt8] {
        Array(await send(ByteBuffer(bytes: bytes)).readableBytesView)
    }

    /// Sends the text as UTF-8, with the line ends it has. Octets of the answer that are no UTF-8 show as U+FFFD.
    package func send(_ text: String) async -> String {
        String(buffer: await send(ByteBuffer(string: text)))
    }

    /// Sends every byte in a piece of its own, each when all work for the one before has ended.
    package func sendByteByByte(_ bytes: ByteBuffer) async -> ByteBuffer {
        var written = ByteBuffer()
        for byte in bytes.readableBytesView { written.writeImmutableBuffer(await send(ByteBuffer(bytes: [byte]))) }
        return written
    }

    package func sendByteByByte(_ text: String) async -> String {
        String(buffer: await sendByteByByte(ByteBuffer(string: text)))
    }

    /// The handshake is done, after `startTLS`. Does nothing when none was asked for.
    package func secure(_ tls: TLSFacts = TLSFacts(version: "TLSv1.3")) async -> String {
        guard isStartingTLS, !isClosed else { return "" }
        isStartingTLS = false
        link.secure(tls)
        session.secured(tls)
        await run()
        return String(buffer: link.take())
    }

    /// Something happened outside.
    package func poke() async -> String {
        link.poke()
        await run()
        return String(buffer: link.take())
    }

    /// Waits until somebody pokes the link (at once when somebody did since the last call), then lets the session tell it.
    package func poked() async -> String {
        await link.untilPoked()
        await run()
        return String(buffer: link.take())
    }

    /// The client was silent for the session's patience.
    package func expire() async -> String {
        var output = ByteBuffer()
        guard !isClosed else { return "" }
        let goesOn = session.expire(&output)
        guard goesOn else {
            await end(output)
            return String(buffer: link.take())
        }
        link.append(output)
        await run()
        return String(buffer: link.take())
    }

    /// The server stops.
    package func shutdown() async -> String {
        guard !isClosed else { return "" }
        var output = ByteBuffer()
        session.shutdown(&output)
        await end(output)
        return String(buffer: link.take())
    }

    /// The client closes the connection without a word.
    package func hangUp() async {
        await end(ByteBuffer())
    }

    private func run() async {
        while !isClosed, !isStartingTLS {
            if link.takePoke() { session.poke() }
            var output = ByteBuffer()
            let step = session.advance(&input, &output)
            guard !link.isClosed else { return await end(ByteBuffer()) }
            link.append(output)
            switch step {
            case .work(let work): begin(work)
            case .again: break
            case .wait where underWay.isEmpty:
                isStalled = true
                if !link.isPoked { return }
            case .more where underWay.isEmpty && !link.isPoked: return
            case .more, .wait: await absorb()
            case .startTLS:
                input.clear()
                isStartingTLS = true
            case .compress: isCompressed = true
            case .close: await end(ByteBuffer())
            }
        }
    }

    private func begin(_ work: Worker.Session.Work) {
        let (worker, link) = (worker, link)
        underWay.append(Task.immediate { await worker.perform(work, link) })
        deepest = max(deepest, underWay.count)
    }

    private func absorb() async {
        guard !underWay.isEmpty else { return }
        let outcome = await underWay.removeFirst().value
        guard !link.isClosed else { return await end(ByteBuffer()) }
        var output = ByteBuffer()
        session.absorb(outcome, &output)
        link.append(output)
    }

    private func end(_ goodbye: ByteBuffer) async {
        guard !isClosed else { return }
        isClosed = true
        link.append(goodbye)
        link.close()
        underWay.forEach { $0.cancel() }
        for task in underWay { _ = await task.value }
        underWay = []
        worker.closed(session)
    }
}

extension ConnectionFacts {
    /// A plain connection from 127.0.0.1, or what the arguments say.
    package static func rehearsal(
        from address: String = "127.0.0.1", to port: Int = 1025, tls: TLSFacts? = nil
    ) -> ConnectionFacts {
        ConnectionFacts(
            id: 1, peerAddress: address, peerPort: 40_000, localAddress: "192.0.2.25", localPort: port,
            isLoopback: address.hasPrefix("127.") || address == "::1", tls: tls)
    }
}
