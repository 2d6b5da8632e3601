/// What is wrong with a command's bytes. Each has one answer (`Reply.init(_: SyntaxError)`).
package enum SyntaxError: Error, Equatable, Sendable {
    /// No command of that name.
    case unrecognized
    /// A bare CR, a NUL, or a line that a bare LF ended.
    case notALine
    case tooLong
    case missingArgument
    case unexpectedArgument
    case argument
    case messageNumber
    case base64
    case mechanism
}
