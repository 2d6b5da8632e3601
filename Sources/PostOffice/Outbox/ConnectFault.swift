import Conversation
import MailModel

/// Why a site's servers cannot be asked now.
struct ConnectFault: Error, Sendable {
    var host: String?
    var address: String?
    var reply: RemoteReply?
    let reason: String
    /// All that were asked have said no for good (RFC 5321 §3.1: 554 in the place of a greeting).
    var isPermanent: Bool
    /// Nobody was asked: its addresses have as many connections as they may.
    var isCrowded = false
    /// TLS was required, and was not to be had: what that is called.
    var lacking: EnhancedStatus?
    /// What the others had against it, a line each: told where one of them lacked TLS.
    private(set) var others: [String] = []

    static let crowded = ConnectFault(reason: "its servers have as many connections as they may", isPermanent: false, isCrowded: true)

    /// What is told of several: that TLS was not to be had, with all that the others said; else what a server said, which is worth more than that another was
    /// silent.
    /// - parameter faults: one at least.
    init(_ faults: [ConnectFault]) {
        // Who has all but REQUIRETLS is nearest.
        if let place = faults.firstIndex(where: { $0.lacking == .permanent(7, 30) }) ?? faults.firstIndex(where: { $0.lacking != nil }) {
            self = faults[place]
            others = faults.enumerated().filter { $0.offset != place }.map(\.element.line)
        } else {
            self = faults.last { $0.reply != nil } ?? faults.last ?? .crowded
        }
        isPermanent = !faults.isEmpty && faults.allSatisfy(\.isPermanent)
        if !isPermanent, lacking != nil { lacking = .transient(7, 5) }
    }

    /// - parameter lacking: TLS was required, and was not to be had.
    init(_ server: MailServer, _ reason: String, reply: RemoteReply? = nil, lacking: EnhancedStatus? = nil) {
        self.init(
            host: server.host, address: server.address, reply: reply, reason: reason, isPermanent: reply.map { $0.code >= 500 } ?? (lacking?.category == 5),
            lacking: lacking)
    }

    init(_ passed: PassedServer) {
        self.init(
            host: passed.host, reason: passed.failure.reason, isPermanent: passed.isPermanent,
            lacking: passed.isPermanent ? .permanent(7, 10) : .transient(7, 5))
    }

    private init(
        host: String? = nil, address: String? = nil, reply: RemoteReply? = nil, reason: String, isPermanent: Bool, isCrowded: Bool = false,
        lacking: EnhancedStatus? = nil
    ) {
        self.host = host
        self.address = address
        self.reply = reply
        self.reason = reason
        self.isPermanent = isPermanent
        self.isCrowded = isCrowded
        self.lacking = lacking
    }

    /// RFC 3463 §3.5, §3.8; nil: the reply says it.
    var status: EnhancedStatus? { reply != nil ? nil : lacking ?? .transient(4, 1) }

    /// In one line.
    var line: String {
        let place = host.map { host in address.map { "\(host) [\($0)]" } ?? host }
        return ([[place, reply?.written ?? reason].compactMap(\.self).joined(separator: ": ")] + others).joined(separator: "; ")
    }

    /// The same without whom it is about, for who keeps that beside it. 500 octets at most.
    var words: String { ConnectFault.cut(([reason] + others).joined(separator: "; ")) }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > 500 else { return text }
        var text = text
        while text.utf8.count > 497 { text.removeLast() }
        return text + "..."
    }
}

extension MailRouteFault {
    /// None of a next hop's servers may be asked.
    init(_ passedOver: [PassedServer]) {
        self.init(
            cause: passedOver.allSatisfy(\.isPermanent) ? .unprotected : .passedOver,
            description: "no mail server may be asked: \(passedOver.map { "\($0.host): \($0.failure.reason)" }.joined(separator: "; "))")
    }
}
