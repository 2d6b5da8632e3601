package import Conversation
package import Gatehouse
import MailModel
package import PostOffice
import Storage

/// The POP3 service: makes the sessions and carries out their work.
package struct POP3Worker: LineWorker {
    let mailroom: Mailroom
    let maildrops: Maildrops
    let gatekeeper: Gatekeeper
    let settings: POP3Settings

    /// `maildrops`: the same for all listeners of the program.
    package init(mailroom: Mailroom, maildrops: Maildrops, gatekeeper: Gatekeeper, settings: POP3Settings) {
        self.mailroom = mailroom
        self.maildrops = maildrops
        self.gatekeeper = gatekeeper
        self.settings = settings
    }

    package func session() -> POP3Session {
        settings.connections.opened()
        var current = settings
        current.logins = gatekeeper.loginRules
        return POP3Session(settings: current)
    }

    package func perform(_ work: POP3Work, _ link: any Link) async -> POP3Outcome {
        let time = settings.metrics.time(of: work)
        let begin = time?.begin()
        defer { if let begin { time?.end(begin) } }
        switch work {
        case .logIn(let attempt): return .login(await logIn(attempt, link))
        case .list(let listing):
            await list(listing, link)
            return .listed
        case .retrieve(let retrievals, let maildrop):
            await Delivery(maildrop: maildrop, worker: self, link: link).carryOut(retrievals)
            return .retrieved
        case .readAhead(let range, let maildrop): return .readAhead(await readAhead(range, maildrop))
        case .update(let marks, let maildrop): return .updated(await update(marks, maildrop, link))
        }
    }

    /// Without QUIT: another session may have the maildrop, and nothing is removed.
    package func closed(_ session: POP3Session) {
        settings.connections.closed()
        session.maildropSession?.end()
    }

    /// The one place where what went wrong becomes an answer: it is our fault, and logged under an id that the answer names.
    func reply(to error: any Error, _ verb: Verb, _ link: any Link) -> Reply {
        let code: Reply.Code
        switch error {
        case StorageFault.noSuchMessage: return .gone
        case is CancellationError, StorageFault.closed: return .stopping
        case StorageFault.corrupt: code = .systemPermanent
        default: code = .systemTemporary
        }
        let id = "\(link.facts.id)-\(settings.clock().rawValue)"
        settings.log.error("POP3 \(verb.rawValue) failed: \(error)", metadata: ["id": "\(id)"])
        return .err("Something went wrong here; it is in the log as \(id)", code)
    }
}
