import CIndexFile
import Crypto
import FoundationEssentials
import Logging
import Storage
import Synchronization

/// Makes and checks the trailers of the pages of `index.db` and of its WAL, so that nothing in them can be changed without the master key: no password hash, no
/// flag, no page that is put where another was.
///
/// A trailer is 32 octets: the number of the run that wrote the page (8 octets, random, drawn anew by each opening of the store), how many pages that run had
/// written before (8), and a tag (16): AES-256-GMAC (NIST SP 800-38D) of what lies before it, under a key derived from the master key for that run
/// (HKDF-SHA256, RFC 5869). The nonce is the count and the page's number, so none is used twice under a key.
///
/// A tag says that the page is one which this store wrote at that place, not that it is the newest (docs/security/at-rest.md).
final class PageTags: Sendable {
    private let master: SymmetricKey
    private let run: UInt64
    private let runKey: SealingKey
    private let written = Atomic<UInt64>(0)
    private let earlier = Mutex<[UInt64: SealingKey]>([:])
    private let damaged = Mutex<Set<UInt32>>([])
    private let log: Logger

    static let page = Int(CINDEXFILE_PAGE)
    static let trailer = Int(CINDEXFILE_TRAILER)
    static let content = page - trailer
    /// Keys of earlier runs that are kept, of some 700 octets.
    private static let mostKeys = 2_000
    /// Pages that the log names, each once.
    private static let mostNamed = 1_000

    init(_ masterKey: MasterKey, log: Logger) throws {
        master = masterKey.key
        run = RandomOctets.draw(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        runKey = try PageTags.key(of: run, master)
        self.log = log
    }

    private static func key(of run: UInt64, _ master: SymmetricKey) throws -> SealingKey {
        let key = withUnsafeBytes(of: run.bigEndian) {
            HKDF<SHA256>.deriveKey(inputKeyMaterial: master, salt: Array($0), info: Array("martlet index page".utf8), outputByteCount: 32)
        }
        return try SealingKey(key)
    }

    private func key(of run: UInt64) throws -> SealingKey {
        if run == self.run { return runKey }
        return try earlier.withLock { keys in
            if let key = keys[run] { return key }
            if keys.count >= PageTags.mostKeys { keys.removeAll() }
            let key = try PageTags.key(of: run, master)
            keys[run] = key
            return key
        }
    }

    private static func tag(
        _ octets: UnsafeRawBufferPointer, under key: SealingKey, _ count: UInt64, _ page: UInt32, into tag: UnsafeMutableRawBufferPointer
    ) throws {
        try withUnsafeTemporaryAllocation(byteCount: RandomOctets.nonce, alignment: 8) { nonce in
            nonce.storeBytes(of: count.bigEndian, as: UInt64.self)
            nonce.storeBytes(of: page.bigEndian, toByteOffset: 8, as: UInt32.self)
            try key.authenticate(octets, nonce: UnsafeRawBufferPointer(nonce), into: tag)
        }
    }

    /// Writes the trailer of page `number`. `octets`: what lies before it.
    func seal(_ number: UInt32, _ octets: UnsafeRawBufferPointer, into trailer: UnsafeMutableRawBufferPointer) throws {
        let count = written.add(1, ordering: .relaxed).oldValue
        trailer.storeBytes(of: run.bigEndian, as: UInt64.self)
        trailer.storeBytes(of: count.bigEndian, toByteOffset: 8, as: UInt64.self)
        try PageTags.tag(octets, under: runKey, count, number, into: UnsafeMutableRawBufferPointer(rebasing: trailer[16...]))
    }

    /// Whether the trailer was made for page `number` with those octets.
    func check(_ number: UInt32, _ octets: UnsafeRawBufferPointer, _ trailer: UnsafeRawBufferPointer) -> Bool {
        let run = UInt64(bigEndian: trailer.loadUnaligned(as: UInt64.self))
        let count = UInt64(bigEndian: trailer.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        do {
            return try withUnsafeTemporaryAllocation(byteCount: SealingKey.tag, alignment: 8) { tag in
                try PageTags.tag(octets, under: key(of: run), count, number, into: tag)
                var differing: UInt8 = 0
                for index in tag.indices { differing |= tag[index] ^ trailer[16 + index] }
                return differing == 0
            }
        } catch {
            return false
        }
    }

    /// Says once of each page that it is damaged.
    func note(damaged number: UInt32) {
        let isNew = damaged.withLock { $0.count < PageTags.mostNamed && $0.insert(number).inserted }
        if isNew { log.error("Page \(number) of the index is not what was stored: what lies on it cannot be read") }
    }
}
