package import MailModel
package import NIOCore

/// A field that a check writes before a message's text.
package struct HeadField: Hashable, Sendable {
    package let name: String
    /// One line, in US-ASCII or UTF-8; folded by its writer with CRLF and a blank, or not at all.
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    var octets: [UInt8] { Array("\(name): \(value)\r\n".utf8) }
}

/// Sees the octets of a text as they come, before any repair.
package protocol TextObserver: Sendable {
    mutating func take(_ octets: ByteBuffer)
}

extension Intake {
    /// Who has connected, and what is known of the conversation so far.
    package struct Client: Hashable, Sendable {
        package var address: String
        package var isSecured: Bool
        /// Who has logged in.
        package var user: Principal?
        /// What it called itself: a domain or an address literal.
        package var name: String?
        /// `TLSv1.3`; nil without TLS, or where it is not known.
        package var tlsVersion: String?
        /// The id of the user whose program of this machine it is.
        package var localUser: UInt32?

        package init(address: String, isSecured: Bool, user: Principal? = nil, name: String? = nil) {
            self.address = address
            self.isSecured = isSecured
            self.user = user
            self.name = name
        }
    }

    /// Questions that are asked on a message's way in. Each is of a phase, may wait (a connection waits with it, no thread does), and answers with a `Verdict`.
    /// What a check does not ask costs nothing. The list of them is where judgement of the sender (SPF, DKIM, DMARC, block lists) comes in.
    package struct Check: Sendable {
        package struct Phases: OptionSet, Hashable, Sendable {
            package let rawValue: UInt8
            package init(rawValue: UInt8) { self.rawValue = rawValue }
            package static let connect = Phases(rawValue: 1)
            package static let hello = Phases(rawValue: 2)
            package static let mail = Phases(rawValue: 4)
            package static let recipient = Phases(rawValue: 8)
            package static let header = Phases(rawValue: 16)
            package static let text = Phases(rawValue: 32)
        }

        /// What a check says of what it was asked.
        package enum Verdict: Sendable {
            case pass
            /// It passes, and the fields go before the text in every copy, such as Authentication-Results (RFC 8601). Each is one whole field.
            case annotate([HeadField])
            /// It passes, with what is known of who sent it. One check of the text says so.
            case judged(SenderJudgement)
            case refuse(Refusal)
        }

        /// For the log.
        package let name: String
        /// Before the greeting.
        package var connect: (@Sendable (Client) async -> Verdict)?
        /// EHLO or HELO has come.
        package var hello: (@Sendable (Client) async -> Verdict)?
        /// MAIL, whose sender may be theirs.
        package var mail: (@Sendable (Client, ReversePath) async -> Verdict)?
        /// RCPT, whose recipient is somebody.
        package var recipient: (@Sendable (Client, ReversePath, ForwardPath) async -> Verdict)?
        /// The header is there, or so much of it as is held (`HeaderSurvey.isComplete`); nothing has been written. Then once more when it is complete.
        package var header: (@Sendable (Envelope, HeaderSurvey) async -> Verdict)?
        /// Makes what watches a text as it comes; `text` is given what it saw. Nil: this one is not watched.
        package var makeObserver: (@Sendable (Envelope) -> (any TextObserver)?)?
        /// The text is all there, and nothing is promised yet.
        package var text: (@Sendable (Envelope, HeaderSurvey, (any TextObserver)?) async -> Verdict)?

        package init(name: String) { self.name = name }

        var phases: Phases {
            var phases: Phases = []
            if connect != nil { phases.insert(.connect) }
            if hello != nil { phases.insert(.hello) }
            if mail != nil { phases.insert(.mail) }
            if recipient != nil { phases.insert(.recipient) }
            if header != nil { phases.insert(.header) }
            if text != nil || makeObserver != nil { phases.insert(.text) }
            return phases
        }

        /// RFC 5321 §6.3: it goes round between servers, or comes back to a mailbox here.
        package static let hops: Check = {
            var check = Check(name: "hops")
            check.header = { envelope, survey in
                if survey.hops >= HeaderSurvey.mostHops { return .refuse(.loop) }
                guard let host = envelope.host, survey.hasDeliveries else { return .pass }
                for recipient in envelope.recipients {
                    if case .mailbox(let address) = recipient.address, survey.wasDelivered(to: address, by: host) { return .refuse(.returned) }
                    // It may come back by another name of who sends it on.
                    for case .forward(_, let forwarder) in recipient.destinations where survey.wasDelivered(to: forwarder, by: host) {
                        return .refuse(.returned)
                    }
                }
                return .pass
            }
            return check
        }()

        package static let standard = [hops]
    }
}

extension Intake {
    /// What the checks of one phase said together: annotations in their order, or the first refusal, after which none is asked.
    private func judge(_ phase: Check.Phases, _ id: String, _ ask: (Check) async -> Check.Verdict?) async throws(Refusal) -> [HeadField] {
        var sender: SenderJudgement?
        return try await judge(phase, id, &sender, ask)
    }

    private func judge(
        _ phase: Check.Phases, _ id: String, _ sender: inout SenderJudgement?, _ ask: (Check) async -> Check.Verdict?
    ) async throws(Refusal) -> [HeadField] {
        guard phases.contains(phase) else { return [] }
        var fields: [HeadField] = []
        for check in checks {
            switch await ask(check) {
            case nil, .pass?: break
            case .annotate(let more)?: fields += more
            case .judged(let judgement)?:
                sender = judgement
                fields += judgement.fields
            case .refuse(let refusal)?:
                log.info("Refused by check: \(check.name)", metadata: ["at": "\(id)"])
                throw refusal
            }
        }
        return fields
    }

    package func judge(connect client: Client) async throws(Refusal) -> [HeadField] {
        try await judge(.connect, "connect") { await $0.connect?(client) }
    }

    package func judge(hello client: Client) async throws(Refusal) -> [HeadField] {
        try await judge(.hello, "hello") { await $0.hello?(client) }
    }

    package func judge(_ client: Client, mailFrom path: ReversePath) async throws(Refusal) -> [HeadField] {
        try await judge(.mail, "mail") { await $0.mail?(client, path) }
    }

    package func judge(_ client: Client, from path: ReversePath, to recipient: ForwardPath) async throws(Refusal) -> [HeadField] {
        try await judge(.recipient, "recipient") { await $0.recipient?(client, path, recipient) }
    }

    func judge(_ envelope: Envelope, header survey: HeaderSurvey) async throws(Refusal) -> [HeadField] {
        try await judge(.header, "\(envelope.id)") { await $0.header?(envelope, survey) }
    }

    /// - parameter observers: by the place of the check; what each saw.
    func judge(
        _ envelope: Envelope, text survey: HeaderSurvey, _ observers: [any TextObserver]
    ) async throws(Refusal) -> ([HeadField], SenderJudgement?) {
        var sender: SenderJudgement?
        var own = observers[...]
        let fields = try await judge(.text, "\(envelope.id)", &sender) { check in
            let observer = check.makeObserver == nil ? nil : own.popFirst()
            return await check.text?(envelope, survey, observer is Unwatched ? nil : observer)
        }
        return (fields, sender)
    }

    /// One for each check that has one, in order.
    func makeObservers(_ envelope: Envelope) -> [any TextObserver] {
        phases.contains(.text) ? checks.compactMap { $0.makeObserver.map { $0(envelope) ?? Unwatched() } } : []
    }
}

/// In the place of an observer where a check does not watch.
private struct Unwatched: TextObserver {
    func take(_ octets: ByteBuffer) {}
}
