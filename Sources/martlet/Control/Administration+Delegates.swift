import PostOffice
import Storage

// Who may send in whose name.
extension Administration {
    func delegates(of name: String) async throws -> [DelegateLine] {
        try await directory.delegates(of: name).map { DelegateLine(account: $0.account.description, right: $0.right == .asOwner ? "as-owner" : "on-behalf") }
    }

    static func sendRight(_ text: String?) throws -> SendRight {
        switch text {
        case nil: return .none
        case "on-behalf": return .onBehalf
        case "as-owner": return .asOwner
        default: throw StorageFault.notAllowed("one sends on-behalf or as-owner")
        }
    }
}
