package import Conversation
package import Gatehouse
package import Logging
package import MailModel
package import PostOffice

/// Carries out what SMTP sessions ask for; one serves all connections of a listener.
package struct SMTPWorker: LineWorker {
    let settings: SMTPSettings
    let gatekeeper: Gatekeeper
    let directory: Directory
    let intake: Intake
    let clock: Timestamp.Clock
    let makeID: TransactionID.Source
    let log: Logger

    package init(
        _ settings: SMTPSettings, gatekeeper: Gatekeeper, directory: Directory, intake: Intake, clock: @escaping Timestamp.Clock,
        makeID: @escaping TransactionID.Source, log: Logger
    ) {
        var settings = settings
        settings.checks = intake.phases
        settings.clock = clock
        self.settings = settings
        self.gatekeeper = gatekeeper
        self.directory = directory
        self.intake = intake
        self.clock = clock
        self.makeID = makeID
        self.log = log
    }

    package func session() -> SMTPSession {
        settings.connections.opened()
        var current = settings
        current.logins = gatekeeper.loginRules
        return SMTPSession(current)
    }

    package func perform(_ work: SMTPWork, _ link: any Link) async -> SMTPOutcome {
        let time = settings.metrics.time(of: work)
        let begin = time?.begin()
        let outcome =
            switch work {
            case .authenticate(let attempt): await authenticate(attempt, link)
            case .authorize(let principal, let address): await authorize(principal, address, link.facts)
            case .resolve(let path, let reversePath, let presence): await resolve(path, reversePath, presence, link.facts)
            case .judgeConnection: await judgeConnection(link.facts)
            case .judgeHello(let presence): await judgeHello(presence, link.facts)
            case .judgeSender(let path, let presence): await judgeSender(path, presence, link.facts)
            case .judgeRecipient(let path, let reversePath, let presence): await judgeRecipient(path, reversePath, presence, link.facts)
            case .deliver(let submittal, let text): await deliver(submittal, text, link)
            case .open(let submittal, let text, let expected): await open(submittal, text, expected, link)
            case .append(let incoming, let text): await append(incoming, text)
            case .finish(let incoming, let text, let submittal): await finish(incoming, text, submittal, link)
            }
        if let begin { time?.end(begin) }
        settings.metrics.note(outcome, of: work)
        return outcome
    }

    package func closed(_ session: SMTPSession) {
        settings.connections.closed()
        session.login?.end()
    }
}
