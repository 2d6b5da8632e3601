import Conversation
import Gatehouse
import IMAP
import Logging
import MailModel
import MemoryStore
import MessageFormat
import NIOCore
import PostOffice
import Rehearsal
import Storage
import Testing

/// A mail server, in memory unless a store is given, with two accounts: `alice` (password "kite above the sea") and `bob` ("heron in the reeds").
struct House {
    /// 2026-11-22T00:35:00Z.
    static let now = Timestamp(rawValue: 1_795_307_700)
    static let secure = ConnectionFacts.rehearsal(to: 993, tls: TLSFacts(version: "TLSv1.3"))
    /// The same, of somebody who has proved by a certificate to have that address.
    static func certified(_ address: String) -> ConnectionFacts {
        let client = ClientCertificate(subject: "", issuer: "", commonNames: [], hosts: [], addresses: [address], uris: [], serial: [1], digest: [])
        return .rehearsal(to: 993, tls: TLSFacts(version: "TLSv1.3", client: client))
    }
    /// The same, that logins can be bound to.
    static let bound = ConnectionFacts.rehearsal(to: 993, tls: TLSFacts(version: "TLSv1.3", endPoint: Array(repeating: UInt8(ascii: "x"), count: 32)))

    typealias Ports = Mailroom.Ports

    let store: any Ports
    let mailroom: Mailroom
    let gatekeeper: Gatekeeper
    let worker: IMAPWorker
    let alice: Principal
    let bob: Principal

    init(
        over store: (any Ports)? = nil, scram: Bool = false, log: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        adjust: (inout IMAPSettings) -> Void = { _ in }
    ) async throws {
        let store = store ?? MemoryStore(clock: { House.now })
        self.store = store
        guard let domain = Domain("example.test") else { throw StorageFault.noSuchDomain }
        try await store.add(domain: domain)
        alice = try await House.add("alice", "JdPXV81HcZqrNn1PvpUSLCr2vKGNa2v8OucwUSdmOVY", to: store)
        bob = try await House.add("bob", "Ay9SzDvBWut9ScCIErIbf1G937eIxWw0/jYmLTSXo2g", to: store)
        mailroom = Mailroom(store: store, clock: { House.now })
        // With SCRAM, chance is always the same, so that a transcript knows it.
        let fixed: RandomOctets = { [UInt8](repeating: 7, count: $0) }
        let random = scram ? fixed : systemRandom
        let keyring = scram ? (store as? any KeyValueStore).map { SCRAMKeyring(store: $0, secret: [1, 2, 3], offer: .auto) } : nil
        var logins = Gatekeeper.Settings(defaultDomain: domain)
        logins.acceptsCertificates = true
        gatekeeper = Gatekeeper(
            accounts: store, settings: logins, log: log, clock: { House.now }, pause: { _ in },
            random: random, scram: keyring)
        for (principal, password) in [(alice, "kite above the sea"), (bob, "heron in the reeds")] where scram {
            if let record = try await store.account(principal.account) { await gatekeeper.keepKeys(of: Password(password), for: record) }
        }
        await gatekeeper.reviewKeys()
        var settings = IMAPSettings(version: "1.0", messageLimit: 1 << 20, offersTLS: true, clock: { House.now }, log: log)
        adjust(&settings)
        worker = IMAPWorker(mailroom: mailroom, gatekeeper: gatekeeper, settings: settings)
    }

    /// The hashes are Argon2id at its least cost.
    private static func add(_ user: String, _ hash: String, to store: any Ports) async throws -> Principal {
        let name = try AccountName("\(user)@example.test")
        let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$\(hash)"
        let record = try await store.add(account: name, passwordHash: phc)
        return Principal(account: record.id, name: record.name)
    }

    func deliver(_ text: String, to mailbox: String = "INBOX", flags: Flags = Flags(), at date: Timestamp = House.now) async throws {
        guard let name = MailboxName(text.isEmpty ? mailbox : mailbox) else { throw StorageFault.noSuchMailbox }
        let bytes = ByteBuffer(string: text)
        let incoming = Incoming(expected: bytes.readableBytes)
        await mailroom.receive(bytes, into: incoming)
        _ = try await mailroom.place(incoming, in: name, flags: flags, internalDate: date, turn: Turn(), of: alice)
    }

    /// The store that can be made to fail; nil over another.
    var memory: MemoryStore? { store as? MemoryStore }

    /// A connection under TLS.
    func connect() async -> Rehearsal<IMAPWorker> { await Rehearsal(worker, facts: House.secure) }

    /// Alice is logged in and has INBOX selected.
    func selected(_ mailbox: String = "INBOX") async -> Rehearsal<IMAPWorker> {
        let talk = await loggedIn()
        _ = await talk.send("s SELECT \(mailbox)\r\n")
        return talk
    }

    func loggedIn() async -> Rehearsal<IMAPWorker> {
        let talk = await connect()
        _ = await talk.send("l LOGIN alice \"kite above the sea\"\r\n")
        return talk
    }

    /// What a transcript's settings ask for.
    func furnish(_ settings: [String: String]) async throws {
        for _ in 0..<(Int(settings["messages"] ?? "0") ?? 0) { try await deliver(Sample.plain) }
        if settings["multipart"] != nil { try await deliver(Sample.multipart) }
        if settings["international"] != nil { try await deliver(Sample.international) }
        if let messages = settings["quota"].flatMap({ Int64($0) }) {
            try await store.set(limits: Quota([.storage: 1 << 20, .message: messages, .mailbox: 8]), of: alice.account)
        }
        guard let fault = settings["fault"] else { return }
        let memory = try #require(memory)
        switch fault {
        case "full": memory.isFull = true
        case "corrupt": memory.fail([.read], with: .corrupt("a flipped bit"))
        default: memory.fail([.change, .expunge, .copy, .move, .create, .place], with: .unavailable("the disk is on fire"))
        }
    }
}

/// Messages that tests deliver.
enum Sample {
    static let plain = """
        From: Alice <alice@example.test>\r
        To: bob@example.test\r
        Subject: Tea at four\r
        Date: Sun, 22 Nov 2026 00:35:00 +0000\r
        Message-ID: <tea@example.test>\r
        \r
        Come to tea.\r

        """

    static let multipart = """
        From: Alice <alice@example.test>\r
        Subject: Parts\r
        Date: Fri, 20 Nov 2026 10:00:00 +0100\r
        MIME-Version: 1.0\r
        Content-Type: multipart/mixed; boundary=b\r
        \r
        Preamble.\r
        --b\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Transfer-Encoding: quoted-printable\r
        \r
        Gr=C3=BC=C3=9Fe\r
        --b\r
        Content-Type: application/octet-stream\r
        Content-Transfer-Encoding: base64\r
        \r
        AAEC/w==\r
        --b\r
        Content-Type: message/rfc822\r
        \r
        From: Carol <carol@example.test>\r
        Subject: Within\r
        \r
        Inner text.\r
        --b--\r

        """

    static let international = """
        From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.test>\r
        Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r
        Date: Sat, 21 Nov 2026 23:30:00 -0500\r
        Content-Type: text/plain; charset=iso-8859-1\r
        Content-Transfer-Encoding: quoted-printable\r
        \r
        Stra=DFe\r

        """
}
