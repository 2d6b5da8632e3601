package import Conversation
package import Gatehouse
package import NIOCore
import PostOffice

/// The server's side of an SMTP conversation (RFC 5321), for all four roles.
///
/// - A command is carried out when its whole line is there, and answered before the next one is read.
/// - Only CRLF ends a line, in commands as in text. A bare LF in a command is answered at once, and the line is passed over up to its CRLF.
/// - Text is read to its end whatever becomes of it, up to twice the message limit. What is answered does not depend on how it was cut.
package struct SMTPSession: LineSession {
    package typealias Work = SMTPWork
    package typealias Outcome = SMTPOutcome

    enum Phase: Sendable {
        /// Before the greeting, where checks are asked first.
        case greeting
        /// Until EHLO or HELO.
        case connected
        case ready
        /// Since MAIL; to DATA, BDAT or back to `ready`.
        case envelope(MailTransaction)
        /// The text of DATA or of a BDAT chunk comes.
        case text(Reception)
        /// Between two chunks.
        case chunks(Reception)
        /// The client's next line belongs to AUTH.
        case exchange(SASLExchange)
        /// Work is under way.
        case waiting(Waiting)
        case closing
    }

    enum Waiting: Sendable {
        case connection
        case hello(ClientName, isExtended: Bool)
        case login
        case sender(MailTransaction)
        case recipient(MailTransaction, [RcptParameter])
        case piece(Reception)
        case delivery
    }

    let settings: SMTPSettings
    var terms: Terms
    var phase = Phase.connected
    /// Set by EHLO and HELO.
    var client: ClientName?
    var isExtended = false
    package internal(set) var login: LoginSession?
    /// What checks wrote of the connection, and of what the client calls itself.
    var annotations: (connection: [HeadField], hello: [HeadField]) = ([], [])
    /// The greeting was a refusal: it may say QUIT (RFC 5321 §3.1).
    var isTurnedAway = false
    /// A chunk that nobody asked for: its octets are dropped, then the reply is sent.
    var unwanted: (octets: Int, reply: Reply)?
    var errors = 0
    var failedLogins = 0
    /// Logins that were told to try later.
    var postponedLogins = 0
    var mails = 0
    /// Commands since the last accepted message that bring no mail nearer.
    var idleCommands = 0
    /// Octets of the line that is being read which were searched for its end.
    private var scanned = 0
    /// A command line that is passed over up to its CRLF, for it is too long or was answered already.
    private var passing: (octets: Int, reply: Reply?)?

    package init(_ settings: SMTPSettings) {
        self.settings = settings
        terms = Terms(settings, isSecured: false, isLoopback: false)
    }

    package mutating func begin(_ facts: ConnectionFacts, _ output: inout ByteBuffer) {
        terms = Terms(settings, isSecured: facts.tls != nil, isLoopback: facts.isLoopback)
        terms.binding = facts.tls?.endPoint
        terms.clientAddresses = facts.tls?.client?.addresses ?? []
        if settings.checks.contains(.connect) { phase = .greeting } else { greet(&output) }
    }

    func greet(_ output: inout ByteBuffer) { Reply(220, nil, "\(settings.hostName) ESMTP Martlet").write(to: &output) }

    package mutating func advance(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Step<SMTPWork> {
        while true {
            if let login, login.isRevoked, !isWaiting { say(.revoked, &output) }
            switch phase {
            case .closing: return .close
            case .greeting:
                phase = .waiting(.connection)
                return .work(.judgeConnection)
            case .waiting: return .wait
            case .text:
                if let step = readText(&input, &output) { return step }
            case .connected, .ready, .envelope, .chunks, .exchange:
                if unwanted != nil {
                    guard dropUnwanted(&input, &output) else { return .more }
                } else if passing != nil {
                    guard passLine(&input, &output) else { return .more }
                } else if isHandshake(input) {
                    say(Reply(.foreign), &output)
                    phase = .closing
                } else if let line = takeLine(&input, &output) {
                    return obey(line, &input, &output) ?? .again
                } else if passing == nil, !isClosing {
                    return .more
                }
            }
        }
    }

    package mutating func secured(_ tls: TLSFacts) {
        terms.isSecured = true
        terms.binding = tls.endPoint
        terms.clientAddresses = tls.client?.addresses ?? []
        // RFC 3207 §4.2: what was known from before is forgotten.
        phase = .connected
        client = nil
        isExtended = false
        annotations.hello = []
        scanned = 0
    }

    /// The account may have been changed; `advance` sees.
    package mutating func poke() {}

    package mutating func expire(_ output: inout ByteBuffer) -> Bool {
        say(.silence, &output)
        return false
    }

    package mutating func shutdown(_ output: inout ByteBuffer) {
        say(.stopping, &output)
    }

    /// RFC 5321 §4.5.3.2.5 for text, §4.5.3.2.7 for commands.
    package var patience: Duration {
        if case .text = phase { .seconds(180) } else { .seconds(300) }
    }

    /// Text comes at 4 KiB in three minutes at least.
    package var leastProgress: Int {
        if case .text = phase { 4_096 } else { 1 }
    }

    package var inputLimit: Int { settings.pieceSize }

    /// Work is under way, or all is over.
    private var isWaiting: Bool {
        switch phase {
        case .waiting, .closing: true
        case .greeting, .connected, .ready, .envelope, .text, .chunks, .exchange: false
        }
    }

    /// Writes the reply, and closes after 421. In the place of the last refusal (5xx) that `errorLimit` allows, it says 421.
    mutating func say(_ reply: Reply, _ output: inout ByteBuffer) {
        var reply = reply
        if reply.code >= 500 {
            errors += 1
            if errors >= settings.errorLimit {
                reply = .tooManyErrors
                settings.metrics.security.note(.rateLimit)
            }
        }
        reply.write(to: &output)
        if reply.code == 421 { phase = .closing }
    }
}

// Lines.
extension SMTPSession {
    /// TLS where none is: its records need not have a line end.
    private func isHandshake(_ input: ByteBuffer) -> Bool {
        if case .exchange = phase { return false }
        return input.readableBytesView.first == ForeignProtocol.handshake
    }

    /// The next line without its CRLF; nil when more must come, or (`passing`) it is too long or holds a bare LF, which does not end it.
    private mutating func takeLine(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> ByteBuffer? {
        let view = input.readableBytesView
        let limit = lineLimit(view)
        if scanned < min(view.count, limit), let feed = view[(view.startIndex + scanned)...].firstIndex(of: 0x0A), feed - view.startIndex < limit {
            let length = feed - view.startIndex
            scanned = 0
            if length > 0, view[feed - 1] == 0x0D {
                let line = input.readSlice(length: length - 1)
                input.moveReaderIndex(forwardBy: 2)
                return line
            }
            answerBareLineFeed(input.readSlice(length: length) ?? ByteBuffer(), &output)
            input.moveReaderIndex(forwardBy: 1)
            return nil
        }
        scanned = view.count
        if view.count >= limit {
            scanned = 0
            passing = (0, .lineTooLong)
            settings.metrics.security.note(.invalidInput)
        }
        return nil
    }

    /// A client that ends its lines so would wait for ever; it gets the line's one answer, and what it wrote is not carried out.
    private mutating func answerBareLineFeed(_ line: ByteBuffer, _ output: inout ByteBuffer) {
        if case .exchange = phase {
            phase = .ready
        } else if ForeignProtocol.speaks(line) {
            say(Reply(.foreign), &output)
            phase = .closing
            return
        }
        passing = (line.readableBytes + 1, nil)
        settings.metrics.security.note(.headerInjection)
        say(.bareLineFeed, &output)
    }

    private func lineLimit(_ view: ByteBufferView) -> Int {
        guard view.count >= SMTPSettings.commandLine else { return SMTPSettings.commandLine }
        if case .exchange = phase { return SMTPSettings.authLine }
        let isAuth = zip(view, "auth ".utf8).allSatisfy { $0 | 0x20 == $1 }
        return isAuth ? SMTPSettings.authLine : SMTPSettings.commandLine
    }

    /// True when the line's end has come, or the connection is to be closed.
    private mutating func passLine(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Bool {
        let view = input.readableBytesView
        var from = view.startIndex
        while let feed = view[from...].firstIndex(of: 0x0A) {
            from = feed + 1
            guard feed > view.startIndex, view[feed - 1] == 0x0D else { continue }
            input.moveReaderIndex(forwardBy: from - view.startIndex)
            if case .exchange = phase { phase = .ready }
            if let reply = passing?.reply { say(reply, &output) }
            passing = nil
            return true
        }
        // A CR may have its LF yet to come.
        let passed = view.last == 0x0D ? view.count - 1 : view.count
        input.moveReaderIndex(forwardBy: passed)
        passing?.octets += passed
        guard let octets = passing?.octets, octets > SMTPSettings.longestLine else { return false }
        say(.lineTooLong, &output)
        phase = .closing
        return true
    }
}
