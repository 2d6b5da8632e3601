import Conversation
import MailModel
import PostOffice

// RCPT: our own accounts, whoever asks; others' as `RelayRules` say.
extension SMTPWorker {
    func resolve(_ path: ForwardPath, _ reversePath: ReversePath, _ presence: Presence, _ facts: ConnectionFacts) async -> SMTPOutcome {
        do {
            // Who has seen such an address may not have us send whatever they like.
            if reversePath != .null, case .mailbox(let address) = path, try await directory.takesReportsAlone(address) { return .refused(.notReport) }
            let resolution =
                switch path {
                case .postmaster: try await directory.resolvePostmaster()
                case .mailbox(let address) where address.domain.isLiteral: try await resolve(literal: address, facts)
                case .mailbox(let address): try await directory.resolve(address)
                }
            switch resolution {
            case .destinations(let destinations):
                for case .mailbox(_, let account) in destinations where try !intake.hasRoom(account) { return .refused(.overQuota) }
                return .resolved(Intake.Recipient(address: path, destinations: destinations))
            case .unknownUser:
                if settings.role == .local, let postmaster = try await root(path) { return .resolved(postmaster) }
                return .refused(.unknownUser)
            case .notLocal: return relay(path, presence, facts)
            }
        } catch {
            log.log(level: error is CancellationError ? .debug : .error, "Recipient not looked up: \(error)")
            return .refused(.unavailable)
        }
    }

    /// The system's own programs write to `root`. Where nobody is called so, it is the postmaster.
    private func root(_ path: ForwardPath) async throws -> Intake.Recipient? {
        guard case .mailbox(let address) = path, address.localPart.lowercased() == "root",
            case .destinations(let destinations) = try await directory.resolvePostmaster()
        else { return nil }
        return Intake.Recipient(address: path, destinations: destinations)
    }

    private func relay(_ path: ForwardPath, _ presence: Presence, _ facts: ConnectionFacts) -> SMTPOutcome {
        guard case .mailbox(let address) = path,
            settings.role == .local
                || settings.relay?.admits(address, from: client(presence, facts), isSubmission: settings.role.isSubmission) ?? false
        else { return .refused(.notLocal) }
        return .resolved(Intake.Recipient(address: path, destinations: [.queue(path)]))
    }

    /// The same, and then what the checks say.
    func judgeRecipient(_ path: ForwardPath, _ reversePath: ReversePath, _ presence: Presence, _ facts: ConnectionFacts) async -> SMTPOutcome {
        let outcome = await resolve(path, reversePath, presence, facts)
        guard case .resolved(let recipient, _) = outcome else { return outcome }
        do throws(Refusal) {
            return .resolved(recipient, annotations: try await intake.judge(client(presence, facts), from: reversePath, to: path))
        } catch {
            return .refused(error)
        }
    }

    /// RFC 5321 §4.1.3, §4.5.1: an address that this connection came to is a name of ours. Who writes to the postmaster of an address and asks us, by way
    /// of a router that has another, means us too.
    private func resolve(literal address: Address, _ facts: ConnectionFacts) async throws -> Resolution {
        let isOurs = AddressLiteral.octets(of: address.domain).map { $0 == AddressLiteral.octets(ofAddress: facts.localAddress) } ?? false
        if address.localPart.lowercased() == "postmaster", isOurs || !settings.role.isSubmission { return try await directory.resolvePostmaster() }
        return isOurs ? try await directory.resolveHere(address.localPart) : .notLocal
    }
}
