import MailModel
import Storage

extension MemoryState {
    /// How far the accounts' logs come.
    var modSeqs: [AccountID: ModSeq] { accounts.mapValues(\.modSeq) }
}
