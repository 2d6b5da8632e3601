package import MailModel

/// Who wants to send: what is known of a client when it has said MAIL (RFC 7208 §4.1).
package struct SPFQuestion: Hashable, Sendable {
    /// Of the client. An IPv4-mapped address is IPv4 (RFC 7208 §5).
    package let address: IPAddress
    /// As HELO or EHLO said it; anything.
    package let helo: String?
    /// Who judges, for explanations (%{r}).
    package let receiver: Domain?
    /// For explanations (%{t}).
    package let now: Timestamp
    /// Of MAIL FROM; nil with the null reverse-path.
    let sender: Sender?

    struct Sender: Hashable {
        let localPart: String
        let domain: String
    }

    package init(address: IPAddress, helo: String?, sender: ReversePath, receiver: Domain?, now: Timestamp) {
        self.init(address, helo, sender.address.map { Sender(localPart: $0.localPart, domain: $0.domain.value) }, receiver, now)
    }

    /// - parameter mailbox: `local-part@domain` as somebody wrote it: what no address can be is judged, too (§4.3). Without "@" it is a domain; empty: the null
    ///   reverse-path.
    package init(address: IPAddress, helo: String?, mailbox: String, receiver: Domain?, now: Timestamp) {
        var sender: Sender?
        if let at = mailbox.lastIndex(of: "@") {
            sender = Sender(localPart: String(mailbox[..<at]), domain: String(mailbox[mailbox.index(after: at)...]))
        } else if !mailbox.isEmpty {
            sender = Sender(localPart: "", domain: mailbox)
        }
        self.init(address, helo, sender, receiver, now)
    }

    private init(_ address: IPAddress, _ helo: String?, _ sender: Sender?, _ receiver: Domain?, _ now: Timestamp) {
        self.address = address
        self.helo = helo
        self.sender = sender
        self.receiver = receiver
        self.now = now
    }
}

/// How much work a domain may make of one check (RFC 7208 §4.6.4, §11.1).
package struct SPFLimits: Hashable, Sendable {
    /// Terms that ask DNS: `include`, `a`, `mx`, `ptr`, `exists` and `redirect`.
    package var terms = 10
    /// Names of those terms that are not there. It is a guard, not a verdict: a name that has addresses of the other family alone is not counted.
    package var voids = 2
    /// Hosts of one `mx`; more are an error.
    package var exchangers = 10
    /// Names of the client's address; more are not looked at.
    package var pointers = 10
    /// All questions.
    package var questions = 150
    /// Octets of one record; others have less than 512 (§3.4).
    package var recordOctets = 16 * 1024
    /// After so long nothing more is asked; a question that is under way ends by the resolver's patience.
    package var patience = Duration.seconds(20)

    package init() {}

    package static let standard = SPFLimits()
}
