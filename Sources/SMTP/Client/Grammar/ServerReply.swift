package import MailModel

/// What a server answered, as it came: for the client's own decisions. What is kept or shown of it is `remote`.
package struct ServerReply: Hashable, Sendable {
    /// 200...599, the same on each of its lines.
    package let code: Int
    /// What stands behind the codes and their separators; one at least. Anything but LF may be in them; octets that are no UTF-8 have become U+FFFD.
    package let lines: [String]

    package init(code: Int, lines: [String]) {
        self.code = code
        self.lines = lines
    }

    /// 2xx.
    package var isPositive: Bool { code < 300 }
    /// 4xx.
    package var isTransient: Bool { (400...499).contains(code) }
    /// 5xx.
    package var isPermanent: Bool { code >= 500 }

    /// The enhanced code of the first line, where it is of the reply's own class (RFC 2034 §4).
    package var status: EnhancedStatus? { lines.first.flatMap { split($0).status } }

    /// Made safe; enhanced codes stand apart.
    package var remote: RemoteReply { RemoteReply(code: code, status: status, lines: lines.map { split($0).text }) }

    // text = status-code SP [ textstring ]                                                                                             (RFC 2034 §4)
    private func split(_ line: String) -> (status: EnhancedStatus?, text: String) {
        let end = line.firstIndex(of: " ") ?? line.endIndex
        guard let status = EnhancedStatus(line[..<end]), Int(status.category) == code / 100 else { return (nil, line) }
        return (status, end == line.endIndex ? "" : String(line[line.index(after: end)...]))
    }
}
