package import Conversation
package import Gatehouse
import MailModel
import NIOCore
package import PostOffice
import Storage

/// The IMAP service: makes the sessions and carries out their work.
package struct IMAPWorker: LineWorker {
    let mailroom: Mailroom
    let gatekeeper: Gatekeeper
    let settings: IMAPSettings

    package init(mailroom: Mailroom, gatekeeper: Gatekeeper, settings: IMAPSettings) {
        self.mailroom = mailroom
        self.gatekeeper = gatekeeper
        self.settings = settings
    }

    package func session() -> IMAPSession {
        settings.connections.opened()
        var current = settings
        current.logins = gatekeeper.loginRules
        return IMAPSession(settings: current)
    }

    package func perform(_ work: IMAPWork, _ link: any Link) async -> IMAPOutcome {
        let time = settings.metrics.time(of: work)
        let begin = time?.begin()
        let outcome: IMAPOutcome =
            switch work {
            case .logIn(let attempt): .login(await logIn(attempt, link))
            case .command(let job): .command(await CommandExecution.run(job, self, link))
            case .watch(let handle): .watching(handle.watch { link.poke() })
            case .notice(let notice, let job): .noticed(await CommandExecution.run(notice, job, self, link))
            case .update(let updating): await CommandExecution.run(updating, self, link)
            case .checkTarget(let name, let principal): .target(await refusal(of: name, principal, link))
            case .read(let blocks, let mailbox): .rows(await read(blocks, mailbox, link))
            case .receive(let incoming, let bytes):
                await receive(bytes, into: incoming)
            case .finish(let incoming, let bytes):
                await finish(incoming, bytes)
            case .include(let inclusion): .included(await include(inclusion, link))
            case .place(let placing): await place(placing, link)
            }
        if let begin { time?.end(begin) }
        return outcome
    }

    /// What the session held (its login, its view, its watch) goes with it.
    package func closed(_ session: IMAPSession) { settings.connections.closed() }

    var failures: FailureResponses { FailureResponses(log: settings.log, clock: settings.clock) }

    /// Nil when they are at hand.
    private func read(_ blocks: [MailboxSnapshot.Block], _ mailbox: OpenMailbox, _ link: any Link) async -> StatusResponse? {
        do {
            try await mailroom.read(blocks, of: mailbox)
            return nil
        } catch {
            return failures.answer(to: error, .replace, connection: link.facts.id, addsMessages: false)
        }
    }

    private func receive(_ bytes: ByteBuffer, into incoming: Incoming) async -> IMAPOutcome {
        await mailroom.receive(bytes, into: incoming)
        return .received
    }

    private func finish(_ incoming: Incoming, _ bytes: ByteBuffer) async -> IMAPOutcome {
        if bytes.readableBytes > 0 { await mailroom.receive(bytes, into: incoming) }
        await mailroom.finish(incoming)
        return .received
    }
}
