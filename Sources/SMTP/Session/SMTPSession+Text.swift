import Conversation
import NIOCore

// DATA and BDAT.
extension SMTPSession {
    mutating func data(_ output: inout ByteBuffer) {
        guard case .envelope(let transaction) = phase else { return }
        guard !transaction.recipients.isEmpty else { return say(.noRecipients, &output) }
        // RFC 3030 §3: DATA cannot carry it.
        guard !transaction.isBinary else { return say(.chunksOnly, &output) }
        phase = .text(Reception(transaction, source: .data, limit: settings.messageLimit))
        say(.startText, &output)
    }

    mutating func bdat(_ command: BdatCommand, _ output: inout ByteBuffer) {
        let chunk = Reception.Source.chunk(remaining: command.octets, octets: command.octets, isLast: command.isLast)
        switch phase {
        case .envelope(let transaction) where transaction.recipients.isEmpty: refuseChunk(command, .noRecipients, &output)
        case .envelope(let transaction): phase = .text(Reception(transaction, source: chunk, limit: settings.messageLimit))
        case .chunks(var reception):
            reception.source = chunk
            phase = .text(reception)
        default: break
        }
    }

    /// RFC 3030 §2: the chunk comes whatever the answer is, so it is dropped.
    mutating func refuseChunk(_ command: BdatCommand, _ reply: Reply, _ output: inout ByteBuffer) {
        guard command.octets <= settings.messageLimit else {
            say(reply, &output)
            phase = .closing
            return
        }
        unwanted = (command.octets, reply)
    }

    /// True when all of the chunk has come.
    mutating func dropUnwanted(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Bool {
        guard let (octets, reply) = unwanted else { return true }
        let dropped = min(octets, input.readableBytes)
        input.moveReaderIndex(forwardBy: dropped)
        unwanted = dropped == octets ? nil : (octets - dropped, reply)
        guard dropped == octets else { return false }
        say(reply, &output)
        return true
    }

    /// Nil: go on.
    mutating func readText(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Step<SMTPWork>? {
        guard case .text(var reception) = phase else { return nil }
        // Only `reception` holds the text now, so that writing to it copies nothing.
        phase = .closing
        if reception.text.readableBytes >= settings.pieceSize { return handOn(&reception) }
        guard reception.take(&input, piece: settings.pieceSize) else {
            if reception.isOverdue {
                say(reception.failure ?? .tooLarge, &output)
                phase = .closing
                return nil
            }
            // What goes to a file anyway does not wait here for more.
            if reception.incoming != nil, input.readableBytes == 0, reception.text.readableBytes >= SMTPSettings.restingText { return handOn(&reception) }
            let goesOn = reception.text.readableBytes >= settings.pieceSize || input.readableBytes > 0
            phase = .text(reception)
            return goesOn ? nil : .more
        }
        if case .chunk(_, let octets, false) = reception.source, reception.failure == nil {
            phase = .chunks(reception)
            say(Reply(250, "2.0.0", "\(octets) octets received"), &output)
            return nil
        }
        return conclude(&reception, &output)
    }

    private mutating func handOn(_ reception: inout Reception) -> Step<SMTPWork>? {
        let piece = reception.takeText()
        let work: SMTPWork
        if let incoming = reception.incoming {
            work = .append(incoming, piece)
        } else {
            work = .open(submittal(of: reception), piece, expected: reception.transaction.declaredSize)
        }
        phase = .waiting(.piece(reception))
        return .work(work)
    }

    /// The text is all there.
    private mutating func conclude(_ reception: inout Reception, _ output: inout ByteBuffer) -> Step<SMTPWork>? {
        if let failure = reception.failure {
            if reception.isMalformed { settings.metrics.security.note(.headerInjection) }
            phase = .ready
            say(failure, &output)
            return nil
        }
        phase = .waiting(.delivery)
        let submittal = submittal(of: reception)
        let piece = reception.takeText()
        guard let incoming = reception.incoming else { return .work(.deliver(submittal, piece)) }
        return .work(.finish(incoming, piece, submittal))
    }

    private func submittal(of reception: Reception) -> Submittal {
        var submittal = Submittal(transaction: reception.transaction, client: client, isExtended: isExtended, user: login?.principal)
        if !settings.checks.isEmpty { submittal.annotations = annotations.connection + annotations.hello + reception.transaction.annotations }
        return submittal
    }
}
