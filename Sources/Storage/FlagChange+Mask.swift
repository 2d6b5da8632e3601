package import MailModel

extension FlagChange {
    /// The keywords that a message is to have.
    package var keywordsAdded: [Keyword] {
        switch self {
        case .add(let flags), .replace(let flags): flags.keywords
        case .replaceWithin(let scope, let flags): flags.within(scope).keywords
        case .remove: []
        }
    }

    /// In a mailbox with that table.
    package func mask(_ table: KeywordTable) -> FlagMask {
        func further(_ further: FurtherKeywords, removesAll: Bool = false) -> FlagMask.Further? {
            further.isEmpty && !(removesAll && table.hasFurther) ? nil : FlagMask.Further(removesAll: removesAll, added: further)
        }
        switch self {
        case .add(let flags):
            let found = table.bits(of: flags)
            return FlagMask(kept: .max, added: found.bits.rawValue, further: further(found.further))
        case .remove(let flags):
            let found = table.bits(of: flags)
            return FlagMask(
                kept: ~found.bits.rawValue, added: 0, further: found.further.isEmpty ? nil : FlagMask.Further(removed: found.further))
        case .replace(let flags):
            let found = table.bits(of: flags)
            return FlagMask(kept: 0, added: found.bits.rawValue, further: further(found.further, removesAll: true))
        case .replaceWithin(let scope, let flags):
            let found = table.bits(of: flags.within(scope))
            return FlagMask(
                kept: ~scope.bits.rawValue, added: found.bits.rawValue & scope.bits.rawValue,
                further: scope.contains(.others) ? further(found.further, removesAll: true) : nil)
        }
    }
}
