import MailModel
import Storage

extension Staged {
    /// How far the logs come, with the batch, of accounts that somebody watches.
    func modSeqs(for watches: AccountWatches) -> [AccountID: ModSeq] {
        guard !watches.isEmpty else { return [:] }
        let modSeqs = accounts.compactMapValues { $0?.modSeq }
        let watched = watches.watched(modSeqs.keys)
        return modSeqs.filter { watched.contains($0.key) }
    }
}
