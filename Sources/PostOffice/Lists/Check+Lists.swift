import MailModel

extension Intake.Check {
    /// Says no to posts that a list does not take, while their sender's server listens: later nobody is told who may be made up. A message that goes to others
    /// too is taken, and the list judges it when it has its turn.
    package static func lists(_ master: ListMaster) -> Intake.Check {
        var check = Intake.Check(name: "lists")
        check.header = { envelope, survey in
            // What is not seen whole cannot be judged by what it lacks; it is asked again.
            guard survey.isComplete else { return .pass }
            var first: ListRefusal?
            for recipient in envelope.recipients {
                guard recipient.destinations.count == 1, case .list(let address) = recipient.destinations[0] else { return .pass }
                do {
                    guard let door = try await master.register.door(address), door.purpose == .post else { return .pass }
                    let post = ListPost(survey: survey, reversePath: envelope.reversePath, isOurUsers: envelope.sender != nil, host: envelope.host)
                    switch try await master.verdict(post, door.list) {
                    case .post: return .pass
                    case .moderate:
                        guard try await !master.register.hasRoomToHold(door.list) else { return .pass }
                        first = first ?? .crowded
                    case .refuse(let refusal): first = first ?? refusal
                    }
                } catch {
                    master.log.error("A post could not be judged: \(error)", metadata: ["id": "\(envelope.id)"])
                    return .refuse(.unavailable)
                }
            }
            return first.map { .refuse($0.refusal) } ?? .pass
        }
        return check
    }
}
