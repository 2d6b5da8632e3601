import MailModel
import MessageFormat
import NIOCore
import Storage

/// What somebody asks of a list: a word in the subject, or the text's first.
enum ListRequest: Hashable {
    case join, leave, help

    /// Nil: it asks for nothing that is known.
    /// - parameter subject: decoded.
    init?(subject: String, text: String) {
        let words = (subject.isEmpty ? text : subject).lowercased().split { !$0.isLetter }
        let known: [Substring: ListRequest] = [
            "subscribe": .join, "join": .join, "unsubscribe": .leave, "leave": .leave, "remove": .leave, "signoff": .leave, "help": .help,
        ]
        guard let request = words.first(where: { $0 != "re" }).flatMap({ known[$0] }) else { return nil }
        self = request
    }
}

extension ListMaster {
    /// A member's address: ASCII and without quotes, so that every server knows it.
    static func isFit(_ address: Address) -> Bool {
        address.isASCII && address.isDotString && !address.localPart.isEmpty && !address.domain.isLiteral && address.localPart.utf8.count <= 64
    }

    func request(_ entry: QueueEntry, _ list: MailingList) async throws -> Answer {
        let start = try await start(of: entry)
        guard start.post.reversePath != .null, !start.post.survey.isAutomatic else { return Answer(ending: .dropped("a program wrote it")) }
        guard let author = start.post.author, ListMaster.isFit(author) else { return Answer(ending: .dropped("who wrote it is not clear")) }
        // Else the letter would go to one whom the sender's server, and what is checked of it, does not stand for.
        guard let sender = start.post.reversePath.address, MailingList.key(sender) == MailingList.key(author) else {
            return Answer(ending: .dropped("its author is not who sent it"))
        }
        var scanner = MessageScanner()
        scanner.consume(start.octets)
        let outline = scanner.finish()
        guard let request = ListRequest(subject: EncodedWord.decode(outline.envelope.subject ?? ""), text: outline.preview) else {
            return Answer(ending: .dropped("it asks for nothing that is known"))
        }
        let member = try await register.member(author, of: list)
        if request == .leave, member == nil { return Answer(ending: .dropped("its author is no member")) }
        guard limits.admits(author, of: list, now: clock(), for: entry.id) else {
            return Answer(ending: .dropped("its author had a letter within the hour"))
        }
        switch request {
        case .help: return Answer { [try await letter(.help(list, to: author))] }
        case .join:
            if let member, member.suspension == nil { return Answer { [try await letter(.isMember(list, to: author))] } }
            guard list.joining == .confirmed else { return Answer { [try await letter(.asksToJoin(author, list))] } }
            return try await ask(.join, author, list)
        case .leave: return try await ask(.leave, author, list)
        }
    }

    private func ask(_ kind: ListWish.Kind, _ author: Address, _ list: MailingList) async throws -> Answer {
        guard let token = try await register.ask(kind, author, of: list) else { return Answer(ending: .dropped("too many wishes wait for an answer")) }
        return Answer { [try await letter(.confirm(kind, list, to: author, at: list.address(.confirm, token: token)))] }
    }

    /// Who has the token has the letter, and with it the address.
    func confirmed(_ entry: QueueEntry, _ list: MailingList, _ token: String) async throws -> Answer {
        guard let wish = try await register.wish(token, of: list) else { return Answer(ending: .dropped("nothing waits for that answer (any more)")) }
        // What answers by itself has not read it.
        let survey = try await start(of: entry).post.survey
        guard entry.draft.reversePath != .null, !survey.isUnfitForLists else { return Answer(ending: .dropped("a program answered")) }
        guard !wish.isDone else { return Answer(ending: .dropped("it was answered before")) }
        switch wish.kind {
        case .join:
            do {
                if try await register.add(members: [wish.address], mayPost: true, to: list.address).isEmpty {
                    try await register.change(member: wish.address, of: list.address) { $0.resume() }
                }
            } catch let fault as ListFault { return Answer(ending: .dropped("\(fault)")) }
            log.info("A list has a new member", metadata: ["list": "\(list.key)"])
            return Answer {
                [try await letter(.welcome(list, to: wish.address))]
            } afterwards: {
                try await register.answered(token)
            }
        case .leave:
            let answer = try await left(list, wish.address)
            return Answer(ending: answer.ending, notices: answer.notices) { try await register.answered(token) }
        }
    }

    /// RFC 2369 §3.2: the address alone says who.
    func leave(_ list: MailingList, _ number: UInt32) async throws -> Answer {
        guard let member = try await register.member(number, of: list) else { return Answer(ending: .dropped("its sender has left before")) }
        return try await left(list, member.address)
    }

    private func left(_ list: MailingList, _ address: Address) async throws -> Answer {
        do { try await register.remove(member: address, from: list.address) } catch ListFault.noSuchMember {
            return Answer(ending: .dropped("its sender has left before"))
        }
        log.info("A member has left a list", metadata: ["list": "\(list.key)"])
        return Answer { [try await letter(.farewell(list, to: address))] }
    }
}
