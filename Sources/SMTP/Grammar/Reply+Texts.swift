/// The answers that do not depend on anything.
extension Reply {
    static var ok: Reply { Reply(250, "2.0.0", "OK") }
    static var senderOK: Reply { Reply(250, "2.1.0", "Sender OK") }
    static var recipientOK: Reply { Reply(250, "2.1.5", "Recipient OK") }
    static var startText: Reply { Reply(354, nil, "End data with <CR><LF>.<CR><LF>") }
    static var readyForTLS: Reply { Reply(220, "2.0.0", "Ready to start TLS") }
    static var goodbye: Reply { Reply(221, "2.0.0", "Goodbye") }
    static var authenticated: Reply { Reply(235, "2.7.0", "Authentication succeeded") }
    static var cannotVerify: Reply { Reply(252, "2.5.0", "Cannot VRFY, but will take a message and attempt delivery") }
    static var noLists: Reply { Reply(502, "5.5.1", "EXPN is not served here") }

    static var badSequence: Reply { Reply(503, "5.5.1", "Bad sequence of commands") }
    static var helloFirst: Reply { Reply(503, "5.5.1", "Send EHLO first") }
    static var notOffered: Reply { Reply(502, "5.5.1", "Command not offered here") }
    static var noRecipients: Reply { Reply(554, "5.5.1", "No valid recipients") }
    static var earlyText: Reply { Reply(503, "5.5.0", "Text sent before 354; closing the connection") }
    static var malformedText: Reply { Reply(550, "5.5.2", "Bare CR, bare LF or NUL in the message: only CRLF ends a line") }
    static var chunksOnly: Reply { Reply(503, "5.5.1", "BODY=BINARYMIME needs BDAT") }
    static var alreadyReleased: Reply { Reply(501, "5.5.4", "HOLDUNTIL is over") }
    static var releasedTooLate: Reply { Reply(501, "5.5.4", "It is to be delivered before it is released") }
    static var tooLarge: Reply { Reply(552, "5.3.4", "Message too large") }
    static var bareLineFeed: Reply { Reply(.notALine) }
    static var lineTooLong: Reply { Reply(500, "5.5.2", "Command line too long") }
    static var tooManyRecipients: Reply { Reply(452, "4.5.3", "Too many recipients") }

    static var loginFirst: Reply { Reply(530, "5.7.0", "Authentication required") }
    static var startTLSFirst: Reply { Reply(530, "5.7.0", "Must issue a STARTTLS command first") }
    static var encryptionRequired: Reply { Reply(538, "5.7.11", "Encryption required for authentication") }
    static var alreadyAuthenticated: Reply { Reply(503, "5.5.1", "Already authenticated") }
    static var invalidCredentials: Reply { Reply(535, "5.7.8", "Authentication credentials invalid") }
    static var notForAnother: Reply { Reply(535, "5.7.8", "You may act for yourself only") }
    static var authenticationBusy: Reply { Reply(454, "4.7.0", "Temporary authentication failure; try later") }
    static var authenticationCancelled: Reply { Reply(501, "5.7.0", "Authentication cancelled") }

    static var silence: Reply { Reply(421, "4.4.2", "Timeout; closing the connection") }
    static var stopping: Reply { Reply(421, "4.3.2", "The server is shutting down") }
    static var tooManyErrors: Reply { Reply(421, "4.7.0", "Too many errors; closing the connection") }
    static var tooManyMessages: Reply { Reply(421, "4.7.0", "Too many messages in one connection") }
    static var revoked: Reply { Reply(421, "4.7.0", "The account was changed; log in again") }

    /// The one place where a command's syntax error becomes a reply.
    init(_ error: SyntaxError) {
        self =
            switch error {
            case .unrecognized: Reply(500, "5.5.1", "Command not recognized")
            case .foreign: Reply(221, "2.7.0", "This is SMTP; closing the connection")
            case .notALine: Reply(500, "5.5.2", "Bare CR, bare LF or NUL: only CRLF ends a line")
            case .missingArgument: Reply(501, "5.5.4", "Argument missing")
            case .unexpectedArgument: Reply(501, "5.5.4", "No argument allowed")
            case .argument: Reply(501, "5.5.4", "Syntax error in the argument")
            case .reversePath: Reply(501, "5.1.7", "Bad sender address syntax")
            case .forwardPath: Reply(501, "5.1.3", "Bad recipient address syntax")
            case .parameter: Reply(501, "5.5.4", "Bad parameter")
            case .unknownParameter: Reply(555, "5.5.4", "Parameter not recognized")
            case .nonASCIIAddress: Reply(553, "5.6.7", "A non-ASCII address needs SMTPUTF8")
            case .base64: Reply(501, "5.5.2", "Not base64")
            case .mechanism: Reply(504, "5.5.4", "Authentication mechanism not offered")
            case .chunkSize: Reply(501, "5.5.4", "Bad chunk size; closing the connection")
            }
    }
}
