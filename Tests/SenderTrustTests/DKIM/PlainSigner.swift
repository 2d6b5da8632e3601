import Crypto
import Foundation
import FuzzEntries
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import SenderTrust

/// Signs as the RFC's words go, with whatever tags a test wants; shares nothing with what is tested but the key.
struct PlainSigner {
    /// Whole fields without their last line end, from the top.
    var fields = [
        "Received: from a by b;\r\n Fri, 11 Jul 2003", "From: Joe <joe@example.org>", "To:  Suzie\t<suzie@example.net> ", "Subject: Is dinner\r\n\tready?",
    ]
    var body = "Hi. \t\r\n\r\nWe lost  the game.\r\n"
    var names = ["from", "to", "subject"]
    var headerForm = Canonicalization.relaxed
    var bodyForm = Canonicalization.relaxed
    /// l=
    var length: Int?
    /// Before h=.
    var tags = "v=1; a=ed25519-sha256; d=example.org; s=test; t=1000;"
    var key: DKIMKey

    init(_ key: DKIMKey) { self.key = key }

    var text: String { fields.map { $0 + "\r\n" }.joined() + "\r\n" + body }

    /// The field without its line end.
    func signature(name: String = "DKIM-Signature") throws -> String {
        var canonical = PlainCanonical.body(Array(body.utf8), isRelaxed: bodyForm == .relaxed)
        if let length { canonical = Array(canonical.prefix(length)) }
        var field = "\(name): \(tags) c=\(headerForm)/\(bodyForm);" + (length.map { " l=\($0);" } ?? "")
        field += "\r\n h=\(names.joined(separator: " : "));\r\n bh=\(Data(SHA256.hash(data: canonical)).base64EncodedString());\r\n b="
        var signed: [UInt8] = []
        var rest = fields
        for name in names {
            guard let place = rest.lastIndex(where: { $0.lowercased().hasPrefix(name.lowercased() + ":") }) else { continue }
            let other = rest.remove(at: place)
            signed += (headerForm == .relaxed ? PlainCanonical.field(Array(other.utf8)) : Array(other.utf8)) + [0x0D, 0x0A]
        }
        signed += headerForm == .relaxed ? PlainCanonical.field(Array(field.utf8)) : Array(field.utf8)
        return field + Data(try key.signature(for: SHA256.hash(data: signed))).base64EncodedString()
    }

    /// The message with its signature on top.
    func message() throws -> String { try signature() + "\r\n" + text }

    /// `test._domainkey.example.org` has the key, with further tags.
    func resolver(_ further: String = "") throws -> NameTable {
        let table = NameTable()
        try table.setTexts("test._domainkey.example.org", [key.record + further])
        return table
    }
}

extension NameTable {
    /// Texts in strings of up to 255 octets.
    func setTexts(_ name: String, _ texts: [String]) throws {
        let records = texts.map { text in
            var rest = Array(text.utf8)[...]
            var record: [UInt8] = rest.isEmpty ? [0] : []
            while !rest.isEmpty {
                record += [UInt8(rest.prefix(255).count)] + rest.prefix(255)
                rest = rest.dropFirst(255)
            }
            return record
        }
        try set(.txt, of: name, records)
    }
}

extension SignatureObserver {
    /// What has watched this message, given in pieces.
    static func over(_ pieces: [some Sequence<UInt8>], limits: Limits = .standard) -> SignatureObserver {
        var observer = SignatureObserver(limits: limits)
        for piece in pieces { observer.take(ByteBuffer(bytes: Array(piece))) }
        observer.finish()
        return observer
    }

    static func over(_ text: String) -> SignatureObserver { over([Array(text.utf8)]) }

    /// What an observer has of a text when it is over. Verdicts are made of that, of keys and of the time, and of nothing else.
    struct Gathered: Equatable {
        let header: ByteBuffer
        /// By form, where it is asked for: octets and hash.
        let bodies: [Canonicalization: [String]]
        let signatures: [DKIMCandidate.Preliminary]

        init(_ observer: SignatureObserver) {
            header = observer.header
            var bodies: [Canonicalization: [String]] = [:]
            for form in Canonicalization.allCases {
                guard let body = observer.bodies.body(form) else { continue }
                bodies[form] = ["\(body.count)", body.digest(of: nil).map { "\($0)" } ?? ""]
            }
            self.bodies = bodies
            signatures = observer.preliminary(now: Timestamp(rawValue: 2000))
        }
    }

    /// Expects the same gathered of a text, in two pieces, as of the whole.
    /// - parameter cuts: where the first piece ends.
    static func expectSame(_ octets: [UInt8], cuts: some Sequence<Int>, sourceLocation: SourceLocation = #_sourceLocation) {
        let whole = Gathered(over([octets]))
        for cut in cuts { #expect(Gathered(over([octets[..<cut], octets[cut...]])) == whole, "\(cut)", sourceLocation: sourceLocation) }
    }
}
