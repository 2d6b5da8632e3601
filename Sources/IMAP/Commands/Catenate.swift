import Conversation
import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Storage

// Parts of a message that URLs name (RFC 4469 §3, RFC 5092).
extension IMAPWorker {
    /// Octets that are read and written at a time.
    private static let piece = 128 << 10

    func include(_ inclusion: Inclusion, _ link: any Link) async -> Inclusion.Outcome {
        if inclusion.before.readableBytes > 0 { await mailroom.receive(inclusion.before, into: inclusion.incoming) }
        // What is another account's and what is not there answer alike.
        let badURL = Inclusion.Outcome.refused(.no("That URL names nothing here", .badURL(inclusion.url)))
        guard let url = IMAPURL(inclusion.url), isOurs(url.server, inclusion.principal, link) else { return badURL }
        do {
            guard let source = try await source(of: url, inclusion) else { return badURL }
            let octets = source.octets(from: url.offset, count: url.count)
            guard octets.count <= inclusion.room else { return .refused(.messageTooBig(settings.messageLimit)) }
            try await copy(octets, of: source, into: inclusion.incoming)
            return .included(octets.count)
        } catch is MailroomRefusal {
            return badURL
        } catch StorageFault.noSuchMailbox, StorageFault.noSuchMessage {
            return badURL
        } catch {
            return .refused(failures.answer(to: error, .append, connection: link.facts.id))
        }
    }

    /// A URL with a server names this one as the client does, and nobody but the one who is logged in.
    private func isOurs(_ server: IMAPURL.Server?, _ principal: Principal, _ link: any Link) -> Bool {
        guard let server else { return true }
        if let user = server.user, user.lowercased() != principal.name.description.lowercased() { return false }
        return server.host == link.facts.tls?.serverName || server.host == settings.serverName.lowercased()
    }

    /// What a URL's section is made of.
    private struct Source {
        let mailbox: OpenMailbox
        let row: MessageRow
        /// Of the message, when `bytes` is nil.
        let range: Range<Int>
        var bytes: ByteBuffer?

        /// Counted from the section's start, within it.
        func octets(from offset: Int, count: Int?) -> Range<Int> {
            let size = bytes?.readableBytes ?? range.count
            let start = min(offset, size)
            return start..<min(size, start + (count ?? size))
        }
    }

    /// Nil when there is no such message or no such part.
    private func source(of url: IMAPURL, _ inclusion: Inclusion) async throws -> Source? {
        let mailbox: OpenMailbox
        if let name = url.mailbox {
            mailbox = try await mailroom.open(name, of: inclusion.principal)
        } else if let selected = inclusion.selected {
            mailbox = selected
        } else {
            return nil
        }
        let snapshot = mailbox.handle.snapshot
        if let validity = url.uidValidity, validity != snapshot.uidValidity { return nil }
        guard let row = try await mailroom.withRows(of: mailbox, { try snapshot.row(url.uid) }) else { return nil }
        let whole = Source(mailbox: mailbox, row: row, range: 0..<Int(row.size))
        if url.section == BodySection() { return whole }
        guard let outline = try await mailroom.outlines(of: [row], in: mailbox).first,
            let place = outline.place(of: url.section)
        else { return nil }
        switch place {
        case .octets(let range): return Source(mailbox: mailbox, row: row, range: range)
        case .fields(let names, let isExcluding, let header):
            let most = MessageLimits.standard.headerOctets
            let kept = header.lowerBound..<min(header.upperBound, header.lowerBound + most)
            let bytes = try await mailroom.read(kept, of: row, in: mailbox)
            return Source(
                mailbox: mailbox, row: row, range: header,
                bytes: HeaderFields.select(names: names, excluding: isExcluding, from: bytes))
        }
    }

    private func copy(_ octets: Range<Int>, of source: Source, into incoming: Incoming) async throws {
        if let bytes = source.bytes {
            guard let slice = bytes.getSlice(at: bytes.readerIndex + octets.lowerBound, length: octets.count),
                !octets.isEmpty
            else { return }
            return await mailroom.receive(slice, into: incoming)
        }
        var position = source.range.lowerBound + octets.lowerBound
        let end = source.range.lowerBound + octets.upperBound
        while position < end {
            let piece = position..<min(end, position + IMAPWorker.piece)
            let bytes = try await mailroom.read(piece, of: source.row, in: source.mailbox)
            guard bytes.readableBytes == piece.count else {
                throw StorageFault.corrupt("body \(source.row.body.rawValue) ends early")
            }
            await mailroom.receive(bytes, into: incoming)
            position = piece.upperBound
        }
    }
}

extension MessageOutline {
    /// Where a section lies (RFC 9051 §6.4.5.1).
    enum SectionPlace: Equatable {
        case octets(Range<Int>)
        case fields([String], isExcluding: Bool, of: Range<Int>)
    }

    /// Nil when there is no such part.
    func place(of section: BodySection) -> SectionPlace? {
        guard !section.path.isEmpty else {
            let end = min(headerSize, size)
            return section.specifier.place(header: 0..<end, text: end..<size, whole: 0..<size)
        }
        guard let part = part(at: section.path) else { return nil }
        switch section.specifier {
        case .whole: return .octets(part.bodyRange)
        case .mime: return .octets(part.headerRange)
        case .header, .headerFields, .headerFieldsNot, .text:
            guard case .message(let embedded) = part.content else { return nil }
            let start = embedded.headerRange.upperBound
            return section.specifier.place(
                header: embedded.headerRange, text: start..<max(start, part.bodyRange.upperBound), whole: part.bodyRange
            )
        }
    }
}

extension BodySection.Specifier {
    fileprivate func place(header: Range<Int>, text: Range<Int>, whole: Range<Int>) -> MessageOutline.SectionPlace {
        switch self {
        case .whole: .octets(whole)
        case .header, .mime: .octets(header)
        case .text: .octets(text)
        case .headerFields(let names): .fields(names, isExcluding: false, of: header)
        case .headerFieldsNot(let names): .fields(names, isExcluding: true, of: header)
        }
    }
}
