import MailModel
import Storage

/// What a program asks of sendmail(8). It has no standard; these are the options that programs use, as Sendmail and Postfix understand them.
struct SendmailOptions: Equatable, Sendable {
    enum Task: Equatable, Sendable {
        /// `-bm`, or nothing: a message comes on standard input.
        case deliver
        /// `-bp`, or the name `mailq`.
        case listQueue
        /// `-q`, `-bi`, or the name `newaliases`: what happens by itself here, or not at all.
        case nothing
    }

    /// What cannot be done, in one line.
    struct Fault: Error, Equatable {
        let text: String
    }

    var task = Task.deliver
    /// As written; lists are told apart later.
    var recipients: [String] = []
    /// `-t`: those of To, Cc and Bcc too.
    var readsRecipients = false
    /// A line that is a dot alone ends the message; not with `-i`.
    var endsAtDot = true
    /// `-f` or `-r`; empty: the null one.
    var sender: String?
    /// `-F`: the sender's name, for a From that is missing.
    var fullName: String?
    /// `-N` (RFC 3461 §4.1).
    var notify: QueuedRecipient.Notify = []
    /// `-R` (RFC 3461 §4.3).
    var returned: QueueDraft.Traits = []
    /// `-V` (RFC 3461 §4.4), not encoded.
    var envelopeID: String?

    /// - parameter name: what the program was called.
    init(name: String, _ arguments: [String]) throws(Fault) {
        if name == "newaliases" { task = .nothing }
        if name == "mailq" { task = .listQueue }
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                recipients += rest
                break
            }
            guard argument.hasPrefix("-"), argument.count > 1 else {
                recipients.append(argument)
                continue
            }
            try read(argument.dropFirst(), &rest)
        }
    }

    /// Letters of one argument: `-ti` is `-t -i`, and behind a letter that has a value the rest is the value, or the next argument.
    private mutating func read(_ letters: Substring, _ rest: inout ArraySlice<String>) throws(Fault) {
        var letters = letters
        while let letter = letters.popFirst() {
            switch letter {
            case "t": readsRecipients = true
            case "i": endsAtDot = false
            // To me too, verbose, relayed, in the dialects of old.
            case "m", "v", "n", "U", "G", "I", "c", "x": break
            // -q has a value or none; the queue is looked after by the server.
            case "q":
                task = .nothing
                letters = ""
            case "A", "B", "C", "F", "L", "N", "O", "R", "V", "X", "b", "d", "e", "f", "h", "o", "p", "r":
                guard let value = letters.isEmpty ? rest.popFirst() : String(letters) else { throw Fault(text: "-\(letter) has no value") }
                letters = ""
                try set(letter, value)
            default: throw Fault(text: "there is no option -\(letter)")
            }
        }
    }

    private mutating func set(_ letter: Character, _ value: String) throws(Fault) {
        switch letter {
        case "f", "r": sender = value == "<>" ? "" : value
        case "F": fullName = value
        case "V": envelopeID = value
        case "N": notify = try SendmailOptions.notify(value)
        case "R":
            switch value.lowercased() {
            case "hdrs": returned = .returnsHeader
            case "full": returned = .returnsFull
            default: throw Fault(text: "-R \(value) is not hdrs or full")
            }
        // -oi is -i; -oem, -odb and others of the kind are somebody else's business.
        case "o": if value == "i" { endsAtDot = false }
        case "b":
            switch value {
            case "m": task = .deliver
            case "p": task = .listQueue
            case "i": task = .nothing
            default: throw Fault(text: "-b\(value) is not served; martlet serve is the server")
            }
        default: break
        }
    }

    private static func notify(_ value: String) throws(Fault) -> QueuedRecipient.Notify {
        if value.lowercased() == "never" { return .never }
        var notify: QueuedRecipient.Notify = []
        for word in value.lowercased().split(separator: ",") {
            switch word {
            case "success": notify.insert(.success)
            case "failure": notify.insert(.failure)
            case "delay": notify.insert(.delay)
            default: throw Fault(text: "-N \(value) is not never, or some of success, failure and delay")
            }
        }
        return notify
    }
}
