/// What is wrong with a command's bytes. Each has one reply (`Reply.init(_: SyntaxError)`).
package enum SyntaxError: Error, Equatable, Sendable {
    /// No command of that name.
    case unrecognized
    /// No line of an SMTP client's: HTTP, TLS, a header field.
    case foreign
    /// A bare CR, a bare LF or a NUL within a command line.
    case notALine
    case missingArgument
    case unexpectedArgument
    case argument
    case reversePath
    case forwardPath
    /// A parameter that is malformed, repeated or has a value it must not have.
    case parameter
    /// A parameter of no extension that is offered.
    case unknownParameter
    /// An address that is not ASCII, without SMTPUTF8.
    case nonASCIIAddress
    case base64
    case mechanism
    /// BDAT without a size that can be read: what follows it cannot be told from commands.
    case chunkSize
}
