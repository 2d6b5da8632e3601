import MailModel

extension Intake.Check {
    /// Says no to posts that a list does not take, while their sender's server listens: later nobody is told who may be made up. A message that goes to others too
    /// is taken as a whole, and the list judges it when it has its turn; not so where its author, who is none of our users, may not post to a list that refuses
    /// others: then the message is refused as a whole, for a second recipient would be a way round the rule.
    package static func lists(_ master: ListMaster) -> Intake.Check {
        var check = Intake.Check(name: "lists")
        check.header = { envelope, survey in
            // What is not seen whole cannot be judged by what it lacks; it is asked again.
            guard survey.isComplete else { return .pass }
            var first: ListRefusal?
            var isForOthers = false
            for recipient in envelope.recipients {
                guard recipient.destinations.count == 1, case .list(let address) = recipient.destinations[0] else {
                    isForOthers = true
                    continue
                }
                do {
                    guard let door = try await master.register.door(address), door.purpose == .post else {
                        isForOthers = true
                        continue
                    }
                    let post = ListPost(
                        survey: survey, reversePath: envelope.reversePath, isOurUsers: envelope.sender != nil, isLocal: envelope.isLocal, host: envelope.host)
                    switch try await master.verdict(post, door.list) {
                    case .post: isForOthers = true
                    case .moderate:
                        let held = try await master.register.heldCount(door.list)
                        if held >= ListRegister.mostHeldOfAll, envelope.sender == nil { return .refuse(ListRefusal.crowded.refusal) }
                        if held < ListRegister.mostHeld { isForOthers = true } else { first = first ?? .crowded }
                    case .refuse(.notAllowed) where envelope.sender == nil: return .refuse(ListRefusal.notAllowed.refusal)
                    case .refuse(let refusal): first = first ?? refusal
                    }
                } catch {
                    master.log.error("A post could not be judged: \(error)", metadata: ["id": "\(envelope.id)"])
                    return .refuse(.unavailable)
                }
            }
            return isForOthers ? .pass : first.map { .refuse($0.refusal) } ?? .pass
        }
        return check
    }
}
