import Conversation
import MailModel
import SenderTrust

/// What a domain says of who may send for it, in lines: its record, its explanation, whose local part and HELO fill the macros. The same octets are read as a
/// name's. Traps when a name is longer than DNS has them, an explanation or a trace field holds what ends a line, or a term is not read as it is shown.
package func fuzzSenderPolicy(_ bytes: UnsafeRawBufferPointer) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    func line(_ place: Int) -> String { place < lines.count ? lines[place] : "" }
    for name in [DNSName(octets: bytes), DNSName(dotted: bytes)].compactMap(\.self) {
        // A dot within a label cannot be told from one between two, when nothing is escaped.
        precondition(name.dotted.utf8.count <= 253 * 3 && name.value.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a name that cannot be shown")
        precondition(name.isWithin(name), "a name that is not itself")
    }
    for address in ["192.0.2.1", "2001:db8::1"].compactMap({ IPAddress($0) }) {
        let values = SPFMacroValues(
            localPart: line(2), senderDomain: "example.org", domain: "_spf.example.org", address: address, helo: line(3), now: Timestamp(rawValue: 0))
        if let text = SPFMacroString(explanation: line(1)), let said = text.explanation(values) {
            precondition(said.utf8.count <= 1_000 && said.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "an explanation that cannot be said")
        }
        guard let record = readPolicy(line(0)) else { continue }
        for name in record.names { checkName(name.name(values)) }
        let verdict = SPFVerdict(.fail, .mailFrom, domain: nil, sender: line(2), mechanism: record.directives.last?.text, reason: line(1))
        let question = SPFQuestion(address: address, helo: line(3), mailbox: line(2), receiver: nil, now: Timestamp(rawValue: 0))
        for piece in ReceivedSPF.pieces(verdict, question) {
            precondition(piece.utf8.count <= 420 && piece.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "a field that ends before its end")
        }
    }
}

/// Nil: it is none.
private func readPolicy(_ text: String) -> SPFRecord? {
    do throws(SPFRecord.Fault) {
        let record = try SPFRecord(text)
        for directive in record.directives where !directive.text.hasSuffix("...") {
            do throws(SPFRecord.Fault) {
                let again = try SPFRecord("v=spf1 " + directive.text)
                precondition(again.directives == [directive], "a term that is read otherwise")
            } catch { preconditionFailure("a term that is none by itself") }
        }
        return record
    } catch {
        precondition(error.reason.utf8.allSatisfy { (0x20...0x7E).contains($0) } && error.reason.utf8.count < 300, "a reason that cannot be shown")
        return nil
    }
}

private func checkName(_ name: [UInt8]) {
    // One without a dot where it should be cut is no name.
    if name.count > 253 { precondition(DNSName(dotted: name) == nil, "a name that is too long") }
    if let name = DNSName(dotted: name) { precondition(DNSName(dotted: name.dotted.utf8) == name, "a name that is not read as it is written") }
}

extension SPFRecord {
    fileprivate var names: [SPFMacroString] {
        [redirect, explanation].compactMap(\.self)
            + directives.compactMap { directive -> SPFMacroString? in
                switch directive.mechanism {
                case .all, .ipv4, .ipv6: nil
                case .include(let name), .exists(let name): name
                case .addresses(let name, _), .exchangers(let name, _), .pointers(let name): name
                }
            }
    }
}
