import Crypto
import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage

/// Where bodies lie, with their outlines, and who holds them.
struct BodyTable: Table {
    static let place = TableList.place(of: BodyTable.self)

    /// Opens every body and outline.
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {
        var last = check.from
        while true {
            let after = last
            let page: BodyReader.Page
            do {
                page = try await store.readers.run { reader in try reader.checkBodies(after: after, most: SQLiteStore.bodiesInStep) }
            } catch let fault as StorageFault where fault != .closed {
                check.report.note("bodies after \(after.rawValue): \(fault)")
                guard let next = try await store.readers.run({ $0.bodyBehindDamage(after) }) else { break }
                last = BodyID(rawValue: next - 1)
                continue
            }
            guard let end = page.last else { break }
            last = end
            check.report.bodies += page.count
            check.report.octets += page.octets
            for fault in page.faults { check.report.note(fault) }
            try await check.stepped(check.report, end)
        }
    }
}

extension BodyReader {
    /// The first body behind one that cannot be listed; nil: none.
    fileprivate func bodyBehindDamage(_ body: BodyID) -> Int64? { connection.firstReadable("body", "id", from: body.rawValue + 1) }

    fileprivate struct Page: Sendable {
        var count = 0
        var octets: Int64 = 0
        var last: BodyID?
        var faults: [String] = []
    }

    fileprivate func checkBodies(after: BodyID, most: Int) throws -> Page {
        let statement = try connection.prepare(
            "SELECT id, size, (SELECT account FROM holder WHERE body=body.id ORDER BY account LIMIT 1) FROM body WHERE id>? ORDER BY id LIMIT ?")
        try statement.bind([.int(after.rawValue), .int(Int64(most))])
        var found: [(BodyID, Int, AccountID?)] = []
        while try statement.step() {
            found.append((BodyID(rawValue: statement.int(0)), Int(statement.int(1)), statement.isNull(2) ? nil : AccountID(rawValue: statement.int(2))))
        }
        statement.reset()
        var page = Page()
        for (body, size, holder) in found {
            page.last = body
            page.count += 1
            guard IndexRange.size.contains(Int64(size)) else {
                page.faults.append("body \(body.rawValue): its size is \(size)")
                continue
            }
            page.octets += Int64(size)
            guard let holder else {
                page.faults.append("body \(body.rawValue): nobody holds it")
                continue
            }
            do {
                try checkBody(body, size: size, holder: holder)
            } catch StorageFault.noSuchMessage {
                // Let go since the page was read.
            } catch {
                page.faults.append("body \(body.rawValue): \(error)")
            }
        }
        return page
    }

    /// What stands before and behind the chunks, which only recovery reads.
    private func checkRecord(of body: BodyID, size: Int) throws {
        let place = try connection.prepare("SELECT segment, position, length FROM body WHERE id=?")
        try place.bind([.int(body.rawValue)])
        guard try place.step() else { throw StorageFault.noSuchMessage }
        let (segment, position, length) = (place.int(0), place.int(1), place.int(2))
        place.reset()
        try BodyPlace.check(body.rawValue, segment: segment, position: position, size: Int64(size))
        let path = segment == 0 ? folder.file(body) : folder.segment(segment)
        let fd = try segment == 0 ? Disk.open(path, O_RDONLY) : file(segment, path)
        defer { if segment == 0 { close(fd) } }
        guard let header = RecordHeader(try Disk.read(RecordHeader.octets, from: fd, at: position, path: path)), header.body == body,
            header.size == Int64(size),
            header.length == length - Int64(RecordHeader.octets)
        else { throw StorageFault.corrupt("the header of its record is not what was stored") }
        guard header.version == .withHolders else { return }
        let chunks = Int64(RecordHeader.octets + BodySeal.sealedSize(of: size))
        guard length > chunks, length - chunks < Int64(HolderBlock.octets(holders: HolderBlock.most)),
            let block = HolderBlock(try Disk.read(Int(length - chunks), from: fd, at: position + chunks, path: path)), block.body == body
        else { throw StorageFault.corrupt("the holders in its record are not what was stored") }
    }

    private func checkBody(_ body: BodyID, size: Int, holder: AccountID) throws {
        let outline = try outlines(of: [body], for: holder, keeping: false)
        guard outline.first?.size == size else { throw StorageFault.corrupt("its outline is of another size") }
        try checkRecord(of: body, size: size)
        var position = 0
        repeat {
            let piece = try read(position..<min(size, position + (1 << 20)), of: body, for: holder)
            guard piece.readableBytes > 0 || size == 0 else { throw StorageFault.corrupt("it ends early") }
            position += piece.readableBytes
        } while position < size
    }
}
