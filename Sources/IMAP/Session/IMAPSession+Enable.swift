import MailModel
import NIOCore

// ENABLE (RFC 5161; RFC 9051 §6.3.1).
extension IMAPSession {
    /// RFC 5161 §3.1: names that are not known, or on already, are passed over.
    mutating func enable(_ names: [String], _ output: inout ByteBuffer) {
        var enabled: [String] = []
        if names.contains("IMAP4REV2"), !dialect.isRev2 {
            dialect.isRev2 = true
            reader.textMode = dialect.textMode
            enabled.append("IMAP4rev2")
        }
        if names.contains("UTF8=ACCEPT"), !dialect.acceptsUTF8 {
            dialect.acceptsUTF8 = true
            reader.textMode = dialect.textMode
            enabled.append("UTF8=ACCEPT")
        }
        // RFC 7162 §3.2.3: QRESYNC turns CONDSTORE on too.
        if names.contains("QRESYNC"), !dialect.hasVanished {
            dialect.hasVanished = true
            enabled.append("QRESYNC")
        }
        if names.contains("CONDSTORE") || dialect.hasVanished, !dialect.hasModSeqs {
            dialect.hasModSeqs = true
            if names.contains("CONDSTORE") { enabled.append("CONDSTORE") }
            if let view {
                output.writeUntagged(.ok("CONDSTORE is on", .highestModSeq(view.toldModSeq)))
            }
        }
        if names.contains("UIDONLY"), !dialect.isUIDOnly {
            dialect.isUIDOnly = true
            withSelection { $0.contexts.endNumbered(&output) }
            enabled.append("UIDONLY")
        }
        output.writeEnabled(enabled)
    }
}
