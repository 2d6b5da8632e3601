import Conversation
import MailModel
import PostOffice

// What the checks say of a connection before there is a message.
extension SMTPWorker {
    func client(_ presence: Presence, _ facts: ConnectionFacts) -> Intake.Client {
        var client = Intake.Client(address: facts.peerAddress, isSecured: facts.tls != nil, user: presence.user, name: presence.name?.text)
        client.tlsVersion = facts.tls?.version
        client.localUser = facts.localUser
        return client
    }

    func judgeConnection(_ facts: ConnectionFacts) async -> SMTPOutcome {
        do throws(Refusal) {
            return .passed(try await intake.judge(connect: client(Presence(), facts)))
        } catch {
            return .refused(error)
        }
    }

    func judgeHello(_ presence: Presence, _ facts: ConnectionFacts) async -> SMTPOutcome {
        do throws(Refusal) {
            return .passed(try await intake.judge(hello: client(presence, facts)))
        } catch {
            return .refused(error)
        }
    }

    /// Of a user, the name must be theirs before any check is asked.
    func judgeSender(_ path: ReversePath, _ presence: Presence, _ facts: ConnectionFacts) async -> SMTPOutcome {
        if let user = presence.user {
            let outcome = await authorize(user, path.address, facts)
            guard case .authorized = outcome else { return outcome }
        }
        do throws(Refusal) {
            return .passed(try await intake.judge(client(presence, facts), mailFrom: path))
        } catch {
            return .refused(error)
        }
    }
}
