package import Conversation
import NIOCore

extension Transcript {
    /// Where the conversation left the transcript: what was expected there, and what was said.
    package struct Difference: Error, CustomStringConvertible {
        package let description: String
    }

    /// Plays the transcript; throws a `Difference` that shows both sides at the first turn that went otherwise. All its connections share
    /// the worker; they are hung up at the end.
    /// - parameter byteByByte: sends every byte in a segment of its own.
    /// - parameter facts: those of every connection, but for what `== connect` says.
    package func perform<Worker: LineWorker>(
        _ worker: Worker, byteByByte: Bool = false, facts: ConnectionFacts = .rehearsal()
    ) async throws {
        var talks: [String: Rehearsal<Worker>] = [:]
        var current = "1"
        for turn in turns {
            var said = ByteBuffer()
            switch turn.action {
            case .connect(let name, let tls, let address):
                current = name
                await talks[name]?.hangUp()
                let talk = await Rehearsal(worker, facts: self.facts(facts, tls: tls, address: address))
                talks[name] = talk
                said.writeString(talk.greeting)
            case .use(let name): current = name
            default:
                guard let talk = talks[current] else { throw difference(turn, [], "there is no connection \(current)") }
                try await play(turn, talk, byteByByte, &said)
            }
            let lines = ExpectedLine.lines(of: said.readableBytesView)
            if let at = ExpectedLine.firstDifference(turn.expected[...], lines[...]) {
                throw difference(turn, lines, "line \(at + 1) of the answer differs")
            }
            if talks[current]?.isStalled == true { throw difference(turn, lines, "the session waits for work it did not begin") }
        }
        for talk in talks.values { await talk.hangUp() }
    }

    private func play<Worker>(_ turn: Turn, _ talk: Rehearsal<Worker>, _ byteByByte: Bool, _ said: inout ByteBuffer) async throws {
        switch turn.action {
        case .send(let bytes):
            if talk.isClosed { throw difference(turn, [], "the server has closed the connection") }
            said.writeImmutableBuffer(byteByByte ? await talk.sendByteByByte(bytes) : await talk.send(bytes))
        case .tls:
            guard talk.isStartingTLS else { throw difference(turn, [], "the server does not wait for a handshake") }
            said.writeString(await talk.secure())
        case .compressed:
            guard talk.isCompressed else { throw difference(turn, [], "the server has not begun compression") }
        case .close:
            guard talk.isClosed else { throw difference(turn, [], "the server has not closed the connection") }
        case .hangUp: await talk.hangUp()
        case .poke: said.writeString(await talk.poke())
        case .poked: said.writeString(await talk.poked())
        case .expire: said.writeString(await talk.expire())
        case .shutdown: said.writeString(await talk.shutdown())
        case .connect, .use: break
        }
    }

    private func facts(_ facts: ConnectionFacts, tls: Bool, address: String?) -> ConnectionFacts {
        let address = address ?? facts.peerAddress
        let secured = tls ? TLSFacts(version: "TLSv1.3") : facts.tls
        return .rehearsal(from: address, to: facts.localPort, tls: secured)
    }

    private func difference(_ turn: Turn, _ lines: [[UInt8]], _ reason: String) -> Difference {
        var text = "\(name):\(turn.line): \(reason)\n"
        if case .send(let bytes) = turn.action {
            text += ExpectedLine.lines(of: bytes.readableBytesView).map { "  C: \(ExpectedLine.show($0))\n" }.joined()
        }
        text += "expected:\n" + turn.expected.map { "  \($0)\n" }.joined()
        text += "got:\n" + lines.map { "  S: \(ExpectedLine.show($0))\n" }.joined()
        return Difference(description: text)
    }
}
