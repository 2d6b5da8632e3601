import MailModel
import MessageFormat
import NIOCore

extension CommandLine {
    /// The command, its arguments parsed. Ask first whether `verb` is legal.
    package func parse() throws(SyntaxError) -> Command {
        var reader = ArgumentReader(arguments, textMode)
        let command = try reader.command(verb)
        try reader.end()
        return command
    }
}

extension ArgumentReader {
    fileprivate mutating func command(_ verb: Verb) throws(SyntaxError) -> Command {
        switch verb {
        case .capability: return .capability
        case .noop: return .noop
        case .logout: return .logout
        case .startTLS: return .startTLS
        case .namespace: return .namespace
        case .idle: return .idle
        case .check: return .check
        case .close: return .close
        case .unselect: return .unselect
        case .unauthenticate: return .unauthenticate
        case .expunge: return .expunge
        default: break
        }
        try space()
        switch verb {
        case .id: return .id(try idParameters())
        case .authenticate: return try authenticate()
        case .login: return try login()
        case .enable: return .enable(try capabilities())
        case .compress:
            //     compress = "COMPRESS" SP algorithm ; algorithm = "DEFLATE"             ; RFC 4978 §5
            guard try keyword() == "DEFLATE" else { throw SyntaxError("Unknown compression algorithm") }
            return .compress
        case .notify: return .notify(try notifyArguments())
        case .cancelUpdate: return .cancelUpdate(try contextTags())
        default: return isOfMessages(verb) ? try messageCommand(verb) : try mailboxCommand(verb)
        }
    }

    private func isOfMessages(_ verb: Verb) -> Bool {
        switch verb {
        case .search, .fetch, .store, .copy, .move, .uidExpunge, .uidSearch, .uidFetch, .uidStore, .uidCopy, .uidMove,
            .sort, .uidSort, .thread, .uidThread:
            true
        default: false
        }
    }

    private mutating func mailboxCommand(_ verb: Verb) throws(SyntaxError) -> Command {
        switch verb {
        case .select: return .select(try selectArguments())
        case .examine: return .examine(try selectArguments())
        case .create: return .create(try createArguments())
        case .delete: return .delete(try mailbox())
        case .rename:
            let old = try mailbox()
            try space()
            return .rename(from: old, to: try mailbox())
        case .subscribe: return .subscribe(try mailbox())
        case .unsubscribe: return .unsubscribe(try mailbox())
        case .list: return .list(try listArguments())
        case .lsub:
            let reference = decoded(try text())
            try space()
            return .lsub(reference: reference, pattern: try listMailbox())
        case .multiSearch: return .multiSearch(try multiSearchArguments())
        case .status:
            let name = try mailbox()
            try space()
            return .status(name, try statusItems())
        default:
            if let command = try accessCommand(verb) { return command }
            if let command = try quotaCommand(verb) { return command }
            if let command = try metadataCommand(verb) { return command }
            throw SyntaxError("Unknown command")
        }
    }

    private mutating func messageCommand(_ verb: Verb) throws(SyntaxError) -> Command {
        switch verb {
        case .search: return .search(try searchArguments(), .sequence)
        case .sort: return .sort(try sortArguments(), .sequence)
        case .uidSort: return .sort(try sortArguments(), .uid)
        case .thread: return .thread(try threadArguments(), .sequence)
        case .uidThread: return .thread(try threadArguments(), .uid)
        case .uidSearch: return .search(try searchArguments(), .uid)
        case .fetch: return .fetch(try fetchArguments(), .sequence)
        case .uidFetch: return .fetch(try fetchArguments(), .uid)
        case .store: return .store(try storeArguments(), .sequence)
        case .uidStore: return .store(try storeArguments(), .uid)
        case .uidExpunge: return .uidExpunge(try sequenceSet())
        default: break
        }
        //     copy = "COPY" SP sequence-set SP mailbox ; move = "MOVE" SP sequence-set SP mailbox
        let set = try sequenceSet()
        try space()
        let target = try mailbox()
        switch verb {
        case .copy: return .copy(set, to: target, .sequence)
        case .uidCopy: return .copy(set, to: target, .uid)
        case .move: return .move(set, to: target, .sequence)
        default: return .move(set, to: target, .uid)
        }
    }
}

// Who is there, and what it can do.
extension ArgumentReader {
    private static let mostCapabilities = 100

    //     id = "ID" SP id-params-list                                                ; RFC 2971 §4
    //     id-params-list = "(" *(string SP nstring SP) ")" / nil          ; without the last SP, as clients write it
    fileprivate mutating func idParameters() throws(SyntaxError) -> [IDField] {
        if scanner.take(caseInsensitive: "NIL") { return [] }
        var fields: [IDField] = []
        try list(atMost: 30, orEmpty: true) { (reader) throws(SyntaxError) in
            let field = try reader.string()
            try reader.space()
            let value = try reader.nstring()
            guard field.readableBytes <= 30, value?.readableBytes ?? 0 <= 1_024 else {
                throw SyntaxError("ID field too long")
            }
            fields.append(
                IDField(
                    try ArgumentReader.text(field),
                    try value.map { octets throws(SyntaxError) in try ArgumentReader.text(octets) }))
        }
        return fields
    }

    //     authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] ; initial-resp = (base64 / "=")   ; RFC 9051 §9
    fileprivate mutating func authenticate() throws(SyntaxError) -> Command {
        let mechanism = try keyword()
        guard scanner.take(0x20) else { return .authenticate(mechanism: mechanism, initial: nil) }
        let octets = scanner.take { $0 > 0x20 && $0 < 0x7F }
        if octets == ByteBuffer(string: "=") {
            return .authenticate(mechanism: mechanism, initial: SASLResponse(bytes: []))
        }
        guard octets.readableBytes > 0, let response = SASLResponse(base64: octets) else {
            throw SyntaxError("Not base64")
        }
        return .authenticate(mechanism: mechanism, initial: response)
    }

    //     login = "LOGIN" SP userid SP password ; userid = astring ; password = astring
    fileprivate mutating func login() throws(SyntaxError) -> Command {
        let user = try text()
        try space()
        return .login(LoginCredentials(user: user, password: try text()))
    }

    //     enable = "ENABLE" 1*(SP capability)
    fileprivate mutating func capabilities() throws(SyntaxError) -> [String] {
        var names: [String] = []
        repeat {
            guard names.count < ArgumentReader.mostCapabilities else { throw SyntaxError("List too long") }
            names.append(try keyword())
        } while scanner.take(0x20)
        return names
    }
}
