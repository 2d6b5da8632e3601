/// How patient the client is (RFC 5321 §4.5.3.2), and what it does at once.
package struct ClientSettings: Sendable {
    package var connect: Duration = .seconds(30)
    /// For the answer to the connection itself.
    package var greeting: Duration = .seconds(300)
    package var handshake: Duration = .seconds(60)
    /// EHLO, STARTTLS, AUTH, MAIL, RCPT and RSET.
    package var command: Duration = .seconds(300)
    /// For 354.
    package var data: Duration = .seconds(120)
    /// For a piece of the text to be taken.
    package var write: Duration = .seconds(180)
    /// For the answer to the final dot: who gives up sooner has the message sent twice.
    package var end: Duration = .seconds(600)
    /// When nothing can be written any more: for what the server said before it went.
    package var lastWords: Duration = .seconds(5)
    /// For QUIT to be taken.
    package var farewell: Duration = .seconds(2)

    /// Octets of the text that are read, and written, at once.
    package var piece = 64 * 1024
    /// Octets of a BDAT chunk.
    package var chunk = 256 * 1024
    /// Chunks without an answer, where the server has PIPELINING.
    package var chunksAhead = 8
    /// Commands without an answer, where the server has PIPELINING.
    package var commandsAhead = 100

    package init() {}
}
