import MailModel
import Testing

@testable import SMTP

@Suite("A message that comes back to where it was delivered is in a loop (RFC 5321 §6.3)")
struct ReturnTests {
    static let ours =
        "Received: from [192.0.2.7] ([192.0.2.7])\r\n\tby mx.example.test (Martlet) with ESMTP\r\n\tid id-0;\r\n\tSun, 22 Nov 2026 00:35:00 +0000\r\n"
    static let others =
        "Received: from mx.example.test (Martlet) by old.example.test (Postfix) with ESMTP; Sun, 22 Nov 2026 00:35:00 +0000\r\n"

    @Test(
        "Delivered-To above our own Received, and naming a recipient",
        arguments: [
            ("Delivered-To: alice@example.test\r\n" + ours, false),
            ("delivered-to:\r\n\tALICE@Example.Test \r\nX: y\r\n" + ours, false),
            (
                "Delivered-To: bob@example.test\r\nDelivered-To: alice@example.test\r\n"
                    + others.replacing("old", with: "old2") + ours, true
            ),
            (
                "Delivered-To: bob@example.test\r\nDelivered-To: alice@example.test\r\n" + ours + others,
                false
            ),
            (others + "Delivered-To: alice@example.test\r\n" + ours, false),
            // Its refolded by a forwarder.
            (
                "Delivered-To: alice@example.test\r\nReceived: from x by mx.example.test\r\n (Martlet) with ESMTP; x\r\n",
                false
            ),
            // Somebody else had it: the domain's old server, or a forwarder.
            ("Delivered-To: alice@example.test\r\n" + others + ours, true),
            ("Delivered-To: alice@remote.example\r\n" + ours, true),
            ("Delivered-To: bob@example.test\r\n" + ours, true),
            ("Delivered-To: alice@example.test\r\n", true),
            (ours + "Delivered-To: alice@example.test\r\n", true), ("Delivered-To: \r\n" + ours, true),
            (
                "Delivered-To: alice@example.test\r\nReceived: from x by my.mx.example.test (Martlet) with ESMTP; x\r\n",
                true
            ),
        ])
    func returned(_ header: String, _ isTaken: Bool) async throws {
        for pieceSize in [16 << 10, 40] {
            let house = try await House()
            let talk = try await house.talk { $0.pieceSize = pieceSize }
            await house.data(talk)
            let reply = await talk.send(header + "Subject: x\r\n\r\nbody\r\n.\r\n")
            #expect(reply.hasPrefix(isTaken ? "250 2.0.0" : "554 5.4.6"), "\(reply)")
            #expect(try await house.mail(of: house.alice).count == (isTaken ? 1 : 0))
        }
    }

    @Test("fields without number, and without end, cost bounded memory and are no loop")
    func hostile() async throws {
        let house = try await House()
        let talk = try await house.talk()
        await house.data(talk)
        let many =
            String(repeating: "Delivered-To: x@example.test\r\n", count: 3_000) + "Delivered-To: "
            + String(repeating: " a", count: 50_000) + "\r\n"
        #expect(
            await talk.send(many + Self.ours + "Subject: x\r\n\r\nbody\r\n.\r\n").hasPrefix("250 2.0.0"))
    }
}
