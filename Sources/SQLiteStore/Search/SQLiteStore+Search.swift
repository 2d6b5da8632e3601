package import MailModel
package import Storage
import Synchronization
import Threading

/// The index and those who ask it.
final class SearchDesk: Sendable {
    let indexer: Indexer
    private let path: String
    private let pool = BlockingPool(name: "martlet-find", threads: 2, refusal: StorageFault.closed)
    private let free = Mutex<[Lent]>([])

    /// `@unchecked Sendable`: lent to one job at a time.
    private final class Lent: @unchecked Sendable {
        let file: SearchFile
        let edition: Int
        init(_ file: SearchFile, edition: Int) {
            self.file = file
            self.edition = edition
        }
    }

    init(_ indexer: Indexer, path: String) {
        self.indexer = indexer
        self.path = path
    }

    func search(_ questions: Set<SearchQuestion>, fuzzy: Set<FuzzyQuestion>, among account: AccountEntry) async throws -> SearchFindings {
        try await pool.run { [self] in
            let edition = indexer.edition.load(ordering: .relaxed)
            let known = free.withLock { free in
                free.removeAll { $0.edition != edition }
                return free.popLast()
            }
            let lent = try known ?? Lent(try SearchFile.reader(path), edition: edition)
            defer { free.withLock { $0.append(lent) } }
            do {
                return try searchOnce(SearchQuery(questions, fuzzy: fuzzy), account, lent.file)
            } catch StorageFault.noSuchMessage {
                // Segments were merged between the look at the shelf and the read.
                return try searchOnce(SearchQuery(questions, fuzzy: fuzzy), account, lent.file)
            }
        }
    }

    private func searchOnce(_ empty: SearchQuery, _ account: AccountEntry, _ file: SearchFile) throws -> SearchFindings {
        guard let words = indexer.shelf.words(of: account.record.id) else { return SearchFindings() }
        let key = account.searchKey
        var query = empty
        for segment in words.segments { try query.look(in: segment, of: file, key, indexer.shelf.cache) }
        words.young.words.withLock { query.look(in: $0) }
        return query.findings
    }

    /// Blocks.
    func close() {
        pool.close()
        indexer.close()
        free.withLock { $0.removeAll() }
    }
}

/// How far the search index is.
package struct SearchStatus: Sendable, Equatable {
    /// Bodies that are not indexed yet; 0: the indexer is idle.
    package var waiting: Int
    package var segments: Int
    /// Indexed bodies, counted for each account that holds them.
    package var bodies: Int
}

extension SQLiteStore {
    package func search(_ questions: Set<SearchQuestion>, fuzzy: Set<FuzzyQuestion>, among account: AccountID) async throws -> SearchFindings {
        guard let entry = catalog.account(account) else { throw StorageFault.noSuchAccount }
        guard !questions.isEmpty || !fuzzy.isEmpty else { return SearchFindings() }
        do {
            return try await desk.search(questions, fuzzy: fuzzy, among: entry)
        } catch StorageFault.closed {
            throw StorageFault.closed
        } catch {
            // Texts decide where the index cannot.
            return SearchFindings()
        }
    }

    package var searchStatus: SearchStatus {
        let all = desk.indexer.shelf.all.values
        return SearchStatus(
            waiting: desk.indexer.waiting, segments: all.reduce(0) { $0 + $1.segments.count },
            bodies: all.reduce(0) { $0 + $1.segments.reduce(0) { $0 + $1.count } + $1.young.words.withLock { $0.bodies.count } })
    }

    /// Returns once everything that is stored now is indexed; with `writing`, on disk, and what is due by the clock done.
    package func settleSearch(writing: Bool = false) async {
        await withCheckedContinuation { continuation in
            if !desk.indexer.push([.settled(writing: writing) { continuation.resume() }]) { continuation.resume() }
        }
    }
}
