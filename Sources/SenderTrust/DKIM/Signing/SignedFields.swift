/// Which fields our signatures cover (RFC 6376 §5.4). What servers on the way lawfully add or change (trace, verdicts of others) never is.
enum SignedFields {
    /// Named once more than they are there, so that nobody can add one (§8.15), and also where they are not there at all: each of them changes what the reader
    /// sees, whom an answer goes to, or how the text is read, and nobody on the way has to add one.
    private static let closed = [
        "from", "to", "cc", "subject", "reply-to", "in-reply-to", "references", "mime-version", "content-type", "content-transfer-encoding",
    ]

    /// Named once more where they are there. Where they are not, servers on the way may add them: Date and Message-ID to mail that lacks them (RFC 6409 §8),
    /// Sender and those of lists by a list (RFC 2369, RFC 2919).
    private static let closedIfThere = [
        "date", "message-id", "sender", "list-id", "list-post", "list-help", "list-owner", "list-archive", "list-subscribe", "list-unsubscribe",
        "list-unsubscribe-post", "auto-submitted",
    ]

    /// Named as often as they are there: who sends a message on adds a block of its own (RFC 5322 §3.6.6).
    private static let open = ["resent-date", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-message-id"]

    /// Names in all: nobody writes more than a few, and h= is to stay a field that others read.
    private static let most = 200

    /// For h=, in lower case; nil: there are too many.
    ///
    /// - parameter others: named as often as they are there, too.
    static func names(_ header: HeaderBlock, others: [String] = []) -> [String]? {
        var names: [String] = []
        func add(_ name: String, further: Int) -> Bool {
            let count = header.places(of: name).count + further
            guard names.count + count <= most else { return false }
            names += repeatElement(name, count: count)
            return true
        }
        for name in closed where !add(name, further: 1) { return nil }
        for name in closedIfThere where !add(name, further: header.places(of: name).isEmpty ? 0 : 1) { return nil }
        for name in open + others where !add(name, further: 0) { return nil }
        return names
    }
}
