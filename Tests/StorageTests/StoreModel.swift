import MailModel
import Storage

/// What a store should hold, in the most naive terms: lists of messages with flag names.
struct StoreModel {
    struct Message: Equatable {
        let uid: UInt32
        var flags: Set<String>
        var modSeq: ModSeq
        let text: String
    }

    struct Box {
        var name: String
        var messages: [Message] = []
        var nextUID: UInt32 = 1
        var expunged: [(uid: UInt32, modSeq: ModSeq)] = []

        mutating func append(_ text: String, _ flags: Set<String>, _ modSeq: ModSeq) -> UInt32 {
            messages.append(Message(uid: nextUID, flags: flags, modSeq: modSeq, text: text))
            nextUID += 1
            return nextUID - 1
        }

        /// The UIDs that went.
        mutating func remove(_ modSeq: ModSeq?, where isGone: (Message) -> Bool) -> Set<UInt32> {
            let gone = messages.filter(isGone).map(\.uid)
            messages.removeAll(where: isGone)
            if let modSeq { expunged += gone.map { ($0, modSeq) } }
            return Set(gone)
        }
    }

    var boxes: [MailboxID: Box] = [:]
    /// Every ModSeq that the store has given to a change.
    var modSeqs: [ModSeq] = []

    static let names = ["\\Seen", "\\Deleted", "\\Flagged", "red", "green", "$Junk"]

    static func flags(_ names: Set<String>) -> Flags {
        let system = SystemFlags.named.filter { names.contains($0.name) }.map(\.flag)
        return Flags(system: SystemFlags(system), keywords: names.filter { !$0.hasPrefix("\\") }.compactMap { Keyword($0) })
    }
}
