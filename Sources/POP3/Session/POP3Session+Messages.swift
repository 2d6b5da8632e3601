import Conversation
import NIOCore
import PostOffice
import Storage

// Messages by their numbers (RFC 1939 §5, §7).
extension POP3Session {
    /// LIST and UIDL: of one message, or of all.
    mutating func list(
        _ column: Listing.Column, _ command: CommandLine, _ maildrop: Maildrop, _ output: inout ByteBuffer
    ) throws(SyntaxError) -> Step<POP3Work>? {
        guard command.hasArgument else {
            isWaiting = true
            return .work(.list(Listing(column: column, maildrop: maildrop, marks: marks)))
        }
        guard let (index, row) = find(try MessageNumber(command.argument).value, maildrop, &output) else { return nil }
        output.writeStaticString("+OK ")
        output.writeListing(column, index, row, maildrop.rows)
        return nil
    }

    mutating func dele(_ number: MessageNumber, _ maildrop: Maildrop, _ output: inout ByteBuffer) {
        guard let (index, row) = find(number.value, maildrop, &output) else { return }
        marks.mark(index, row)
        say(.ok("Marked as deleted"), &output)
    }

    /// The message; nil, and a no is said, when there is none of that number or it is marked.
    mutating func find(_ number: Int, _ maildrop: Maildrop, _ output: inout ByteBuffer) -> (index: Int, row: MessageRow)? {
        let known: MessageRow?
        do { known = try maildrop.rows.row(at: number - 1) } catch {
            say(fault(error), &output)
            return nil
        }
        guard let row = known else {
            say(.noSuchMessage, &output)
            return nil
        }
        guard !marks.contains(number - 1) else {
            say(.deleted, &output)
            return nil
        }
        return (number - 1, row)
    }

    /// A RETR or TOP that can be carried out; nil for everything else.
    func retrieval(_ line: LineReader.Line) -> Retrieval? {
        guard case .line(let text) = line, case .transaction(let maildropSession) = state, let command = try? CommandLine(text),
            command.verb == .retr || command.verb == .top, objection(to: command) == nil
        else { return nil }
        if command.verb == .retr {
            guard let number = try? MessageNumber(command.argument), let row = row(number.value, maildropSession.maildrop) else { return nil }
            return Retrieval(index: number.value - 1, row: row, lines: nil)
        }
        guard let top = try? TopArguments(command.argument), let row = row(top.message, maildropSession.maildrop) else { return nil }
        return Retrieval(index: top.message - 1, row: row, lines: top.lines)
    }

    private func row(_ number: Int, _ maildrop: Maildrop) -> MessageRow? {
        guard !marks.contains(number - 1) else { return nil }
        // catch: `find` meets the same error, and says it.
        do { return try maildrop.rows.row(at: number - 1) } catch { return nil }
    }

    /// Rows of a maildrop are at hand; where they are not it is our fault, logged under an id that the answer names.
    private func fault(_ error: any Error) -> Reply {
        let id = "\(facts?.id ?? 0)-\(settings.clock().rawValue)"
        settings.log.error("POP3 failed: \(error)", metadata: ["id": "\(id)"])
        return .err("Something went wrong here; it is in the log as \(id)", .systemTemporary)
    }

    /// Nil when there is nothing to retrieve.
    mutating func retrieve(_ retrievals: Retrievals) -> Step<POP3Work>? {
        guard !retrievals.all.isEmpty, case .transaction(let maildropSession) = state else { return nil }
        isWaiting = true
        for retrieval in retrievals.all where retrieval.lines == nil { _ = ahead.retrieve(retrieval.index) }
        return .work(.retrieve(retrievals.all, maildropSession.maildrop))
    }

    /// RETR of a message that is here already.
    mutating func show(_ retrieval: Retrieval, _ output: inout ByteBuffer) {
        guard case .transaction(let maildropSession) = state, let body = ahead.retrieve(retrieval.index) else { return }
        // Expunged by another client; numbers stay as they are (RFC 1939 §5).
        do {
            guard try maildropSession.maildrop.current.row(retrieval.row.uid) != nil else { return say(.gone, &output) }
            output.writeMessage(body)
        } catch {
            say(fault(error), &output)
        }
    }

    /// Nil when nothing is worth reading now.
    mutating func readAhead() -> Step<POP3Work>? {
        guard case .transaction(let maildropSession) = state, let range = ahead.next(maildropSession.maildrop.rows) else { return nil }
        return .work(.readAhead(range, maildropSession.maildrop))
    }
}

/// RETRs and TOPs that came together, as many as are worth reading together.
struct Retrievals {
    private(set) var all: [Retrieval] = []
    private var octets = 0

    private static let most = (messages: 64, octets: BodyBatch.octets)

    /// False when it has to wait for those before it.
    mutating func add(_ retrieval: Retrieval) -> Bool {
        guard all.isEmpty || all.count < Retrievals.most.messages && octets + Int(retrieval.row.size) <= Retrievals.most.octets else {
            return false
        }
        all.append(retrieval)
        octets += Int(retrieval.row.size)
        return true
    }
}

extension ByteBuffer {
    // scan-listing = msg SP octets CRLF;  unique-id-listing = msg SP unique-id CRLF          (RFC 1939 §5, §7)
    // UIDVALIDITY and UID: no other message of the account's INBOX has them, ever; at most 21 printable octets (RFC 1939 §7: 70).
    mutating func writeListing(_ column: Listing.Column, _ index: Int, _ row: MessageRow, _ rows: MailboxSnapshot) {
        switch column {
        case .octets: writeString("\(index + 1) \(row.size)\r\n")
        case .identifier: writeString("\(index + 1) \(rows.uidValidity.rawValue).\(row.uid.rawValue)\r\n")
        }
    }
}
