import MailModel
import MessageFormat
import NIOCore
import Storage

/// What a FETCH asks of each message.
struct FetchPlan: Sendable {
    private let steps: [FetchStep]
    private let stepsAndFlags: [FetchStep]
    private let hasFlags: Bool
    /// Whether all items may be answered without reading anything of a message by itself.
    let isList: Bool
    let needsOutline: Bool
    /// Whether an item needs more of the outline than can be read in place.
    let needsValues: Bool
    let needsParticulars: Bool
    let readsBodies: Bool
    let marksSeen: Bool
    let wantsModSeq: Bool
    let changedSince: ModSeq?

    init(_ arguments: FetchArguments, _ numbering: Numbering, _ dialect: Dialect) {
        var items = arguments.items
        changedSince = arguments.changedSince
        wantsModSeq = changedSince != nil || items.contains(.modSeq)
        // RFC 7162 §3.1.4.1: CHANGEDSINCE adds MODSEQ.
        if changedSince != nil, !items.contains(.modSeq) { items.append(.modSeq) }
        // RFC 9051 §6.4.9: the UID form always tells the UID.
        if numbering == .uid, !items.contains(.uid) { items.insert(.uid, at: 0) }
        // RFC 7162 §3.2.4: with CONDSTORE on a change of flags tells UID and ModSeq too.
        let told: [FetchItem] = dialect.hasModSeqs ? [.flags, .uid, .modSeq] : [.flags]
        let added = told.filter { !items.contains($0) }
        steps = items.map { FetchStep($0) }
        stepsAndFlags = steps + added.map { FetchStep($0) }
        isList = steps.allSatisfy(\.isOfLists)
        hasFlags = items.contains(.flags)
        needsOutline = items.contains(where: FetchPlan.needsOutline)
        needsValues = steps.contains(where: \.needsValues)
        needsParticulars = items.contains { $0 == .saveDate || $0 == .threadID }
        readsBodies = items.contains(where: FetchPlan.readsBody)
        marksSeen = items.contains(where: \.marksSeen)
    }

    func steps(for message: FetchedMessage) -> [FetchStep] { message.showsFlags ? stepsAndFlags : steps }

    func showsFlags(of message: FetchedMessage) -> Bool { message.showsFlags || hasFlags }

    private static func needsOutline(_ item: FetchItem) -> Bool {
        switch item {
        case .flags, .uid, .internalDate, .rfc822Size, .modSeq, .rfc822, .saveDate, .emailID, .threadID: false
        case .section(let section, _, _): !(section.path.isEmpty && section.specifier == .whole)
        case .binary(let path, _, _), .binarySize(let path): !path.isEmpty
        default: true
        }
    }

    // Headers come with the outline.
    private static func readsBody(_ item: FetchItem) -> Bool {
        switch item {
        case .rfc822, .rfc822Text, .binary, .binarySize: true
        case .section(let section, _, _): !section.path.isEmpty || section.specifier == .whole || section.specifier == .text
        default: false
        }
    }
}
