import Gatehouse
import Glibc
import IMAP
import Logging
import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Rehearsal
import SQLiteStore
import Storage
import Testing

@Suite("Rights that were taken away stay away")
struct LostRightsTests {
    enum Kind: CaseIterable, Sendable {
        case memory, sqlite
    }

    /// Alice has `Work` with a message, which bob may read; both are logged in, and bob looks at it.
    private final class Scene {
        let store: any Mailroom.Ports & ClosableStore
        let alice: Rehearsal<IMAPWorker>
        let bob: Rehearsal<IMAPWorker>
        let work: MailboxID
        private let folder: String?

        init(_ kind: Kind, rights: String) async throws {
            switch kind {
            case .memory:
                store = MemoryStore(clock: { House.now })
                folder = nil
            case .sqlite:
                var template = Array("/tmp/martlet-rights-XXXXXX".utf8CString)
                let path = String(cString: try #require(mkdtemp(&template)))
                let key = try #require(MasterKey(Array(repeating: 7, count: 32)))
                store = try SQLiteStore.open(
                    path, masterKey: key, options: .init(freeFloor: 0), clock: { House.now }, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                folder = path
            }
            let domain = try #require(Domain("example.test"))
            try await store.add(domain: domain)
            for (name, hash) in [
                ("alice", "JdPXV81HcZqrNn1PvpUSLCr2vKGNa2v8OucwUSdmOVY"), ("bob", "Ay9SzDvBWut9ScCIErIbf1G937eIxWw0/jYmLTSXo2g"),
            ] {
                let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$\(hash)"
                _ = try await store.add(account: AccountName("\(name)@example.test"), passwordHash: phc)
            }
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let worker = IMAPWorker(
                mailroom: Mailroom(store: store, clock: { House.now }),
                gatekeeper: Gatekeeper(accounts: store, settings: .init(defaultDomain: domain), log: log, clock: { House.now }),
                settings: IMAPSettings(version: "1.0", messageLimit: 1 << 20, offersTLS: true, clock: { House.now }, log: log))
            alice = await Rehearsal(worker, facts: House.secure)
            bob = await Rehearsal(worker, facts: House.secure)
            _ = await alice.send("l LOGIN alice \"kite above the sea\"\r\nc CREATE Work\r\ns SETACL Work bob@example.test \(rights)\r\n")
            _ = await alice.send("a APPEND Work {\(Sample.plain.utf8.count)+}\r\n\(Sample.plain)\r\n")
            let account = try #require(try await store.account(named: AccountName("alice@example.test")))
            let name = try #require(MailboxName("Work"))
            work = try #require(try await store.mailbox(named: name, of: account.id)).id
            _ = await bob.send("l LOGIN bob \"heron in the reeds\"\r\n")
            #expect(await bob.send("s SELECT \"Other Users/alice@example.test/Work\"\r\n").contains("* 1 EXISTS"))
            #expect(await bob.send("f FETCH 1 BODY.PEEK[]\r\n").contains("Come to tea"))
        }

        func close() async {
            await alice.hangUp()
            await bob.hangUp()
            await store.close()
            guard let folder else { return }
            for sub in ["", "/segments", "/large"] {
                guard let listing = opendir(folder + sub) else { continue }
                while let entry = readdir(listing) {
                    let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
                    unlink("\(folder)\(sub)/\(name)")
                }
                closedir(listing)
            }
            for sub in ["/segments", "/large", ""] { rmdir(folder + sub) }
        }
    }

    /// What shows mail, or that there is some.
    private static let looks = [
        "FETCH 1 BODY.PEEK[]", "UID FETCH 1:* (ENVELOPE)", "FETCH 1 FLAGS", "SEARCH TEXT tea", "SEARCH ALL", "UID SEARCH BODY come",
        "ESEARCH IN (selected) TEXT tea", "SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "COPY 1 INBOX", "MOVE 1 INBOX",
        "STORE 1 +FLAGS (\\Flagged)",
        "EXPUNGE", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", "REPLACE 1 INBOX {3+}\r\nabc",
    ]

    @Test("after DELETEACL, and also after the mailbox is deleted then, nothing of it is shown: RFC 4314 §4", arguments: Kind.allCases)
    func taken(kind: Kind) async throws {
        let scene = try await Scene(kind, rights: "lrswite")
        #expect(await scene.alice.send("d DELETEACL Work bob@example.test\r\n").contains("d OK"))
        for look in Self.looks {
            let answer = await scene.bob.send("a \(look)\r\n")
            #expect(answer.contains("a NO [NOPERM] "), "\(look): \(answer)")
        }
        #expect(await scene.alice.send("x DELETE Work\r\n").contains("x OK"))
        for look in Self.looks {
            let answer = await scene.bob.send("a \(look)\r\n")
            #expect(
                answer.contains("a NO ") && !answer.contains("Come to tea") && !answer.contains(" FETCH (") && !answer.contains("* SEARCH 1"),
                "\(look): \(answer)")
        }
        #expect(await scene.bob.send("i STATUS INBOX (MESSAGES)\r\n").contains("MESSAGES 0"), "and none was copied")
        #expect(await scene.bob.send("c CLOSE\r\n").contains("c OK"))
        await scene.close()
    }

    @Test("a mailbox that was deleted before its rights went is gone for who looked at it too", arguments: Kind.allCases)
    func deleted(kind: Kind) async throws {
        let scene = try await Scene(kind, rights: "lrs")
        #expect(await scene.alice.send("x DELETE Work\r\n").contains("x OK"))
        for look in Self.looks {
            let answer = await scene.bob.send("a \(look)\r\n")
            #expect(!answer.contains("a OK") && !answer.contains("Come to tea") && !answer.contains(" FETCH ("), "\(look): \(answer)")
        }
        #expect(await scene.bob.send("n NOOP\r\n").contains("n OK"))
        await scene.close()
    }
}
