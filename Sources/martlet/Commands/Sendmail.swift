import ArgumentParser
import FoundationEssentials
import Glibc
import MailModel
import MessageFormat
import NIOCore
import PostOffice
import SMTP
import Storage

/// sendmail(8), for cron, PHP and whatever else of this machine writes mail.
struct Sendmail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hand in a message from standard input, as sendmail(8) does.",
        discussion: """
            Options of sendmail(8): -t takes recipients from To, Cc and Bcc; -i lets a line with a dot alone be text; -f ADDRESS is the sender; -F NAME their \
            name; -N, -R and -V ask for reports (RFC 3461). Others are understood and change nothing. A link called sendmail to this program is the same.

            It is accepted when exit code 0 is returned, and then it is durable. 64: an option, or nobody to send to. 65: the message cannot be sent as it is. \
            67: a recipient is not there; the others get it. 69, 77: refused. 75: not now, and nothing was sent; call it again. Nothing is kept while no server runs.
            """)

    /// Names by which a link may call the program.
    static let names: Set<String> = ["sendmail", "mailq", "newaliases"]
    /// Octets that are read of a message.
    private static let most = 256 << 20

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("Options and recipients.", valueName: "arguments")) var arguments: [String] = []

    func run() async throws {
        if ["--help", "-h", "-help"].contains(arguments.first) { throw CleanExit.helpRequest(Sendmail.self) }
        try await Sendmail.run(name: "sendmail", arguments)
    }

    static func run(name: String, _ arguments: [String]) async throws {
        let options: SendmailOptions
        do { options = try SendmailOptions(name: name, arguments) } catch { throw CommandFault(code: Sysexit.usage, text: error.text) }
        switch options.task {
        case .nothing: return
        case .listQueue: throw CommandFault(code: Sysexit.unavailable, text: "`martlet queue list` shows the queue")
        case .deliver: try await deliver(options)
        }
    }

    private static func deliver(_ options: SendmailOptions) async throws {
        let input = try Terminal.readAll(most: most)
        let (connection, domain) = try await connect()
        let sender = try sender(options, domain)
        let from = sender.address.flatMap { address in options.fullName.map { "From: \(DisplayName.written($0)) <\(address.written)>" } }
        let message = SendmailMessage(input, endsAtDot: options.endsAtDot, domain: domain, from: from)
        let recipients = try recipients(options, message, domain)
        var traits = options.returned
        if message.isEightBit { traits.insert(.eightBit) }
        if message.hasUTF8Header || !(sender.address?.isASCII ?? true) || recipients.contains(where: { !$0.path.isASCII }) { traits.insert(.smtpUTF8) }
        var answers: [(recipient: QueuedRecipient, outcome: CarrierReport.Outcome)] = []
        var waiting = recipients
        while !waiting.isEmpty {
            let octets = message.octets
            let report = await connection.send(
                OutgoingMessage(
                    reversePath: sender, recipients: waiting, traits: traits, envelopeID: options.envelopeID.map { XText.encode($0) },
                    size: octets.readableBytes,
                    read: { range in octets.getSlice(at: octets.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer() }))
            var untried: [QueuedRecipient] = []
            for (recipient, outcome) in zip(waiting, report.outcomes) {
                if outcome == .untried { untried.append(recipient) } else { answers.append((recipient, outcome)) }
            }
            // More recipients than one transaction may have are for the next.
            guard report.isUsable, untried.count < waiting.count else {
                answers += untried.map { ($0, .untried) }
                break
            }
            waiting = untried
        }
        await connection.close()
        try judge(answers)
    }

    /// The server, and the domain of addresses that have none.
    private static func connect() async throws -> (any CarrierConnection, Domain) {
        guard let name = Domain("localhost") else { throw CommandFault(code: Sysexit.software, text: "localhost is no domain") }
        var reason = "no server listens"
        let carrier = SMTPCarrier(dialler: LocalDialler())
        for path in SubmissionSocket.find(environment: ProcessInfo.processInfo.environment) {
            do {
                let connection = try await carrier.connect(to: MailServer(host: "localhost", address: path, encryption: .never, ownName: name))
                return (connection, connection.facts.localDomain ?? name)
            } catch let fault as CarrierFault {
                switch fault {
                case .unreachable(let why), .unfit(let why), .unprotected(let why): reason = why
                case .tls(let failure): reason = failure.reason
                case .refused(let reply): reason = reply.written
                }
            }
        }
        throw CommandFault(code: Sysexit.temporaryFailure, text: "\(reason); is martlet running, and sendmail.socket where this user gets to?")
    }

    private static func sender(_ options: SendmailOptions, _ domain: Domain) throws -> ReversePath {
        if options.sender == "" { return .null }
        let text = options.sender ?? SystemName.user()
        guard let addresses = Sendmail.addresses(text, domain), addresses.count == 1 else { throw noAddress(text) }
        return .mailbox(addresses[0])
    }

    /// Those of the command line and, with -t, of the message; each once.
    private static func recipients(_ options: SendmailOptions, _ message: SendmailMessage, _ domain: Domain) throws -> [QueuedRecipient] {
        var found: [QueuedRecipient] = []
        var seen = Set<Address>()
        let named = try options.recipients.flatMap { text in
            guard let addresses = Sendmail.addresses(text, domain) else { throw noAddress(text) }
            return addresses
        }
        if options.readsRecipients, let text = message.unreadable.first { throw noAddress(text) }
        for address in named + (options.readsRecipients ? message.recipients : []) where seen.insert(address).inserted {
            found.append(QueuedRecipient(.mailbox(address), notify: options.notify))
        }
        guard !found.isEmpty else { throw CommandFault(code: Sysexit.usage, text: "there is nobody to send it to; name somebody, or give -t") }
        return found
    }

    private static func noAddress(_ text: String) -> CommandFault {
        CommandFault(code: Sysexit.dataError, text: "\"\(RemoteReply.cleaned(text))\" is no address; nothing was sent")
    }

    /// Nil: it holds something that is no address.
    private static func addresses(_ text: String, _ domain: Domain) -> [Address]? {
        let list = AddressList.parseClear(AddressCompletion.complete(ByteBuffer(string: text), with: domain), limit: .max)
        let addresses = list?.filter { !$0.isGroupStart && !$0.isGroupEnd }.map { Address($0) }
        guard let addresses, !addresses.isEmpty, !addresses.contains(nil) else { return nil }
        return addresses.compactMap { $0 }
    }

    /// Says what was not taken, and ends with the code for it.
    private static func judge(_ answers: [(recipient: QueuedRecipient, outcome: CarrierReport.Outcome)]) throws {
        var code: Int32 = 0
        for (recipient, outcome) in answers {
            let (own, reason): (Int32, String)
            switch outcome {
            case .delivered: continue
            case .refused(let reply, let isPermanent):
                (own, reason) = (isPermanent ? exitCode(of: reply.status) : Sysexit.temporaryFailure, reply.written)
            case .impossible(let status, let text, let isPermanent):
                (own, reason) = (isPermanent ? exitCode(of: status) : Sysexit.temporaryFailure, text)
            case .interrupted(let text, _): (own, reason) = (Sysexit.temporaryFailure, text)
            case .untried: (own, reason) = (Sysexit.temporaryFailure, "the server takes no more now")
            }
            Terminal.complain("sendmail: \(RemoteReply.cleaned(recipient.path.written)): \(reason)")
            // What will not be mended by another try is told first.
            if code == 0 || code == Sysexit.temporaryFailure { code = own }
        }
        if code != 0 { throw ExitCode(code) }
    }

    private static func exitCode(of status: EnhancedStatus?) -> Int32 {
        switch status.map({ ($0.subject, $0.detail) }) {
        case (1, _)?: Sysexit.noUser
        case (7, _)?: Sysexit.noPermission
        case (3, 4)?, (5, _)?, (6, _)?: Sysexit.dataError
        default: Sysexit.unavailable
        }
    }
}

extension ForwardPath {
    fileprivate var isASCII: Bool { if case .mailbox(let address) = self { address.isASCII } else { true } }
}

/// A name in a field of addresses.
enum DisplayName {
    // display-name = phrase = 1*word; word = atom / quoted-string          (RFC 5322 §3.2.5)
    static func written(_ name: String) -> String {
        let clean = String(String.UnicodeScalarView(name.unicodeScalars.filter { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }))
        guard clean.utf8.allSatisfy({ $0 < 0x80 }) else { return EncodedWord.encode(clean) }
        return "\"" + clean.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
