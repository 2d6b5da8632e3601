import Crypto
import MailModel
import MessageFormat
import Storage

/// What the indexer needs of a body that has just come: with it, it looks up nothing and opens neither key nor outline.
struct FreshBody: Sendable {
    /// Of the body alone.
    let outline: MessageOutline
    let key: SymmetricKey
    let size: Int
    let place: BodyPlace

    /// That many may wait for the indexer, each with its outline.
    static let most = 512

    /// Nil for a body that is not read at once.
    init?(_ body: StagedBody, _ record: StagedRecord, at place: BodyPlace) {
        guard place.segment != 0, record.size <= BodyBatch.octets, let outline = body.digest.outline else { return nil }
        self.outline = outline
        key = record.key
        size = record.size
        self.place = place
    }
}

extension Indexer {
    /// An account holds a body that it did not.
    struct Held {
        let body: BodyID
        let account: AccountID
        /// Nil: it is looked up.
        var fresh: FreshBody?
        /// What stands before it for that account; nil: it is looked up.
        var head: [UInt8]?
    }

    /// Those of `fresh` that could be read, an account's one after the other. What could not, such as one that was moved meanwhile, is looked up.
    func readFresh(_ fresh: [BodyID: FreshBody], _ accounts: [BodyID: [AccountID]], _ visit: (BodyID, [AccountID], [IndexedText]) -> Void) -> [BodyID] {
        let order = fresh.keys.compactMap { body in accounts[body]?.first.map { (account: $0.rawValue, body: body) } }
            .sorted { ($0.account, $0.body.rawValue) < ($1.account, $1.body.rawValue) }
        return order.compactMap { _, body in
            guard let item = fresh[body], let holders = accounts[body],
                let whole = try? reader.open(
                    0..<item.size, of: body, key: item.key, size: item.size, segment: item.place.segment, position: item.place.position),
                let texts = try? texts(item.outline, whole: whole)
            else { return nil }
            visit(body, holders, texts)
            return body
        }
    }
}
