import MailModel
import NIOCore
import PostOffice
import Rehearsal
import Testing

@testable import SMTP

/// What is kept of a message, by whatever door it came.
@Suite struct IntakeTests {
    enum Door: CaseIterable {
        case data, chunks, submittedData, submittedChunks

        var isSubmission: Bool { self == .submittedData || self == .submittedChunks }
        var isChunked: Bool { self == .chunks || self == .submittedChunks }
    }

    /// What comes, and what is kept behind the trace lines. None has a From, a Date or a Message-ID.
    static let table: [(String, String)] = [
        ("Subject: x\r\n\r\nHello.\r\n", "Subject: x\r\n\r\nHello.\r\n"), ("\r\n\r\n..\r\n", "\r\n\r\n..\r\n"),
        ("Backup failed on host 7\r\nat 3:15\r\n", "\r\nBackup failed on host 7\r\nat 3:15\r\n"),
        ("Subject: x\r\n-- junk --\r\nBcc: in the body\r\n\r\n.\r\n", "Subject: x\r\n\r\n-- junk --\r\nBcc: in the body\r\n\r\n.\r\n"),
        (" by evil.example; Sun, 22 Nov 2026\r\nSubject: x\r\n\r\n", "\r\n by evil.example; Sun, 22 Nov 2026\r\nSubject: x\r\n\r\n"),
        ("\tfolded\r\n", "\r\n\tfolded\r\n"),
        ("From a@b Mon Nov 23 10:00:00 2026\r\nSubject: x\r\n\r\nb\r\n", "X-Mailbox-Line: From a@b Mon Nov 23 10:00:00 2026\r\nSubject: x\r\n\r\nb\r\n"),
        (">From a@b Mon\r\nhello\r\n", "X-Mailbox-Line: >From a@b Mon\r\n\r\nhello\r\n"),
        (
            "Subject: x\r\nBCC : bob@example.test,\r\n carol@example.test\r\nTo: y@z\r\nresent-bcc:a\r\n\r\nBcc: kept\r\n",
            "Subject: x\r\nTo: y@z\r\n\r\nBcc: kept\r\n"
        ),
        ("Return-Path: <evil@remote.example>\r\nContent-Length: 7\r\nSubject: x\r\n\r\nb\r\n", "Subject: x\r\n\r\nb\r\n"),
    ]

    @Test("a message is kept alike by MX and submission, DATA and BDAT, octet for octet, in pieces of any size", arguments: table)
    func doors(_ text: String, _ kept: String) async throws {
        let house = try await House()
        for door in Door.allCases {
            for pieceSize in [64 << 10, 16] {
                let stored = try await send(text, by: door, house) { $0.pieceSize = pieceSize }
                let added =
                    "Date: Sun, 22 Nov 2026 00:35:00 +0000\r\nFrom: alice@example.test\r\nMessage-ID: <id-1@mx.example.test>\r\n"
                #expect(stored == (door.isSubmission ? added : "") + kept, "\(door), pieces of \(pieceSize)")
            }
        }
    }

    @Test("a header that is larger than what is held is cleaned all the same", arguments: Door.allCases)
    func hugeHeader(_ door: Door) async throws {
        let house = try await House()
        let header = "From: Alice <alice@example.test>\r\n" + String(repeating: "X-Long: \(String(repeating: "y", count: 990))\r\n", count: 400)
        let stored = try await send(header + "Bcc: bob@example.test\r\nTo: x@y\r\njunk\r\n", by: door, house)
        #expect(stored == header + "To: x@y\r\n\r\njunk\r\n")
    }

    @Test("a forged trace cannot be made by a first line that begins with a blank")
    func trace() async throws {
        let house = try await House()
        _ = try await send("\tby evil.example\r\n", by: .data, house)
        let mail = try #require(try await house.mail(of: house.bob).last)
        #expect(mail.hasSuffix(";\r\n\tSun, 22 Nov 2026 00:35:00 +0000\r\n\r\n\tby evil.example\r\n"))
    }

    /// To bob; what is kept behind the trace lines.
    private func send(_ text: String, by door: Door, _ house: House, _ change: (inout SMTPSettings) -> Void = { _ in }) async throws -> String {
        let talk = door.isSubmission ? try await house.alicesTalk(change) : try await house.talk(.mx, change)
        _ = await talk.send("MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\n")
        if door.isChunked {
            let half = text.utf8.count / 2
            _ = await talk.send(Array("BDAT \(half)\r\n".utf8) + text.utf8.prefix(half))
            #expect(await talk.send(Array("BDAT \(text.utf8.count - half) LAST\r\n".utf8) + text.utf8.dropFirst(half)).starts(with: "250 2.0.0".utf8))
        } else {
            #expect(await talk.send("DATA\r\n").hasPrefix("354"))
            let stuffed = String(("\r\n" + text).replacing("\r\n.", with: "\r\n..").dropFirst("\r\n".count))
            #expect(await talk.send(stuffed + ".\r\n").hasPrefix("250 2.0.0"), "\(text)")
        }
        let mail = try #require(try await house.mail(of: house.bob).last)
        return House.withoutTrace(mail)
    }
}
