import Crypto
import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import Storage

/// The catalogue as recovery reads it: the newest whole file, and for what of it is damaged the one before.
struct RecoveryCatalogue {
    private let files: [CatalogueFile]
    let summary: CatalogueSummary
    let accounts: [AccountID: CatalogueAccount]
    /// Ids of what was in the outgoing queue.
    let queue: Set<Int64>
    /// Of whose bodies those were.
    let queuedBodies: Set<Int64>

    /// Nil when there is none that opens under the master key.
    init?(_ path: String, _ master: MasterKey) throws {
        files = try CatalogueKeeper.files(in: path)
        guard let summary = RecoveryCatalogue.first(files, .summary, 0, master.key, { CatalogueSummary($0) }) else { return nil }
        self.summary = summary
        var accounts: [AccountID: CatalogueAccount] = [:]
        for section in files.first?.sections ?? [] where section.kind == .account {
            let id = AccountID(rawValue: section.id)
            accounts[id] = RecoveryCatalogue.first(files, .account, section.id, master.key) { CatalogueAccount(id, $0) }
        }
        self.accounts = accounts
        queue = RecoveryCatalogue.first(files, .queue, 0, master.queueKey) { CatalogueQueue($0).map { Set($0.entries) } } ?? []
        queuedBodies = Set(queue.map { QueueID(rawValue: $0).body.rawValue })
    }

    func belongings(of account: AccountID, _ key: SymmetricKey) -> CatalogueBelongings? {
        RecoveryCatalogue.first(files, .belongings, account.rawValue, key) { CatalogueBelongings($0) }
    }

    func messages(of mailbox: MailboxID, _ key: SymmetricKey) -> CatalogueMessages? {
        RecoveryCatalogue.first(files, .messages, mailbox.rawValue, key) { CatalogueMessages($0) }
    }

    /// By keyspace.
    func pairs(under key: SymmetricKey) -> [Keyspace: CataloguePairs] {
        let keyspaces = Set(files.flatMap(\.sections).filter { $0.kind == .pairs }.compactMap { UInt8(exactly: $0.id).map(Keyspace.init(rawValue:)) })
        return keyspaces.reduce(into: [:]) { found, keyspace in
            found[keyspace] = RecoveryCatalogue.first(files, .pairs, Int64(keyspace.rawValue), key) { CataloguePairs($0) }
        }
    }

    private static func first<Value>(
        _ files: [CatalogueFile], _ kind: CatalogueSection.Kind, _ id: Int64, _ key: SymmetricKey, _ read: (ByteBuffer) -> Value?
    ) -> Value? {
        for file in files {
            // try?: what does not open is looked for in the older one.
            if let section = file[kind, id], let bytes = try? file.open(section, under: key), let value = read(bytes) { return value }
        }
        return nil
    }
}

/// A file that holds records.
struct RecordFile: Sendable {
    enum Place: Hashable, Sendable {
        case segment(Int64)
        case large
        /// It was set aside at a start.
        case aside
    }

    let path: String
    let place: Place

    static func all(_ bodies: BodyFolder) -> [RecordFile] {
        let segments = bodies.segmentIDs().sorted().map { RecordFile(path: bodies.segment($0), place: .segment($0)) }
        let large = bodies.fileIDs().sorted().map { RecordFile(path: bodies.file($0), place: .large) }
        return segments + large + setAside(beside: bodies)
    }

    /// The highest id of a body that was set aside, which no other is to get, so that it can be brought back; 0 for none.
    static func highestBody(setAsideIn bodies: BodyFolder) throws -> Int64 {
        var highest: Int64 = 0
        for file in setAside(beside: bodies) {
            try file.walk { _, found in
                if case .body(let header, _) = found.content, IndexRange.id.contains(header.body.rawValue) { highest = max(highest, header.body.rawValue) }
            }
        }
        return highest
    }

    private static func setAside(beside bodies: BodyFolder) -> [RecordFile] {
        let aside = bodies.aside
        return Disk.names(in: aside).sorted().filter { $0.hasSuffix(".mbs") || $0.hasSuffix(".mbl") }
            .map { RecordFile(path: aside + "/" + $0, place: .aside) }
    }

    /// Calls `visit` for each record, with the open file.
    func walk(_ visit: (Int32, RecordScan.Found) throws -> Void) throws {
        let fd = try Disk.open(path, O_RDONLY)
        defer { close(fd) }
        var scan = RecordScan(fd: fd, path: path)
        while let found = try scan.next() { try visit(fd, found) }
    }

    /// Opens a record's chunks and looks at the message. `corrupt` when they are not what was sealed.
    func outline(_ fd: Int32, at position: Int64, _ header: RecordHeader, key: SymmetricKey) throws -> MessageOutline {
        let size = Int(header.size)
        let seal = BodySeal(key: key, body: header.body)
        let last = BodySeal.chunks(of: size) - 1
        let stride = BodySeal.chunk + BodySeal.tag
        let end = BodySeal.sealedSize(of: size)
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: stride, alignment: 16)
        defer { room.deallocate() }
        var scanner = MessageScanner()
        for number in 0...last {
            let from = number * stride
            let octets = UnsafeMutableRawBufferPointer(rebasing: room[..<min(stride, end - from)])
            try Disk.read(into: octets, from: fd, at: position + Int64(RecordHeader.octets + from), path: path)
            var plain = ByteBuffer()
            try seal.open(UnsafeRawBufferPointer(octets), number: number, isLast: number == last, into: &plain)
            scanner.consume(plain)
        }
        return scanner.finish()
    }
}
