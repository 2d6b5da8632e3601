import Glibc
package import MailModel
package import NIOCore
import SenderTrust

/// The header of a message that comes in: takes the text in pieces of any size and gives it on as it is stored, in constant memory. What comes out is
/// the same however the text was cut.
///
/// - Before the first line that is no field and continues none, the empty line is put that was forgotten: the text of a script whose first line
///   is `Backup failed` is a body, and text that begins with a blank cannot be read as more of a trace line before it.
/// - Lines before the first field that are an mbox's separator (`From a@b Mon …`, `>From …`) become fields, `X-Mailbox-Line`.
/// - Fields that `dropped` names are left out, with all their lines, and Authentication-Results that claim to be ours (RFC 8601 §5).
///   With them go BIMI-Indicator and BIMI-Location, by which the server that has judged a sender shows its picture to clients.
///
/// Behind the header's end nothing is changed.
package struct IncomingHeader: Sendable {
    package private(set) var survey = HeaderSurvey()

    /// Who else gets a message is nobody's business (RFC 5322 §3.6.3, RFC 6409 §8); Return-Path is the last server's to write (RFC 5321 §4.4), and
    /// Content-Length is wrong once a line is added.
    private static let dropped: [StaticString] = ["bcc", "resent-bcc", "return-path", "content-length"]
    /// Nobody's to write but ours, where we judge.
    private static let judged: [StaticString] = ["bimi-indicator", "bimi-location"]
    /// A line whose colon lies farther behind is no field. RFC 5322 §2.1.1 gives a line 998 octets.
    private static let longestName = 998

    /// The current line's start, while it is not known what the line is.
    private var head: [UInt8] = []
    /// Of `head`: the octets of the name, once a blank or the colon has ended it.
    private var nameLength: Int?
    /// The rest of a known line is still to come.
    private var isWithinLine = false
    private var isFirstField = true
    /// The field that the line is part of is kept.
    private var isKept = true
    /// What we call ourselves in Authentication-Results; nil: nobody looks at them.
    private let ownName: Domain?
    /// A field of that name, whose end has not come: all its octets so far.
    private var undecided: [UInt8]?
    /// Octets of such a field. Nobody writes longer ones, and who of it is not known in time is not believed.
    private static let longestResults = 64 << 10
    /// How many such fields there were, and how many are looked at: no honest message has more, and the rest are not kept.
    private var results = 0
    private static let mostResults = 50

    /// - parameter ownName: nil: what the message says of our own judgements stays in it.
    package init(ownName: Domain? = nil) { self.ownName = ownName.map { $0.asciiForm ?? $0 } }

    /// The next octets of the message.
    package mutating func consume(_ text: ByteBuffer, into output: inout ByteBuffer) {
        text.withUnsafeReadableBytes { octets in
            var start = 0
            while start < octets.count, !survey.isComplete {
                if isWithinLine {
                    start = passLine(octets, from: start, into: &output)
                } else {
                    let end = passName(octets, from: start)
                    guard end == start else {
                        head.append(contentsOf: octets[start..<end])
                        start = end
                        continue
                    }
                    head.append(octets[start])
                    start += 1
                    if let kind { begin(kind, into: &output) }
                }
            }
            output.writeBytes(UnsafeRawBufferPointer(rebasing: octets[start...]))
        }
    }

    /// The message is at its end.
    package mutating func finish(into output: inout ByteBuffer) {
        guard !survey.isComplete else { return }
        if !head.isEmpty { begin(head == [0x0D] ? .end : .text, into: &output) }
        decide(into: &output)
        survey.isComplete = true
    }

    private enum Kind {
        /// The header's end is there.
        case end
        /// No part of a header.
        case text
        /// More of the field before.
        case continuation
        case field(name: Int)
        /// The separator of an mbox.
        case separator
    }

    // fields   = *(field-name *WSP ":" …)                                (RFC 5322 §2.2, §3.6.8, §4.5)
    // ftext    = %d33-57 / %d59-126
    /// What the current line is, by its start; nil: more of it has to come.
    private var kind: Kind? {
        mutating get {
            guard let last = head.last else { return nil }
            if head.count == 1 {
                if last == 0x0D { return nil }
                if last == 0x0A { return .end }
                if last == 0x20 || last == 0x09 { return isFirstField ? .text : .continuation }
            } else if head.count == 2, head[0] == 0x0D {
                return last == 0x0A ? .end : .text
            }
            switch last {
            case UInt8(ascii: ":"):
                let name = nameLength ?? head.count - 1
                return name > 0 ? .field(name: name) : .text
            case 0x20, 0x09: nameLength = nameLength ?? head.count - 1
            case 0x21...0x7E where nameLength == nil: break
            default: return isSeparator ? .separator : .text
            }
            return head.count > IncomingHeader.longestName ? .text : nil
        }
    }

    /// Behind the octets that cannot tell what the line is: more of a name, within what a name may have.
    private func passName(_ octets: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard nameLength == nil, head.first != 0x0D else { return start }
        let most = min(octets.count, start + IncomingHeader.longestName - head.count)
        var end = start
        while end < most, octets[end] > 0x20, octets[end] < 0x7F, octets[end] != UInt8(ascii: ":") { end += 1 }
        return end
    }

    /// `From ` and more, perhaps behind ">", as an mbox has it before a message (RFC 4155, appendix A).
    private var isSeparator: Bool {
        guard isFirstField, let nameLength, head[nameLength] == 0x20 else { return false }
        return Array(head[..<nameLength].drop { $0 == UInt8(ascii: ">") }) == Array("From".utf8)
    }

    private mutating func begin(_ kind: Kind, into output: inout ByteBuffer) {
        isWithinLine = true
        if case .continuation = kind {} else { decide(into: &output) }
        switch kind {
        case .end: survey.isComplete = true
        case .text:
            output.writeStaticString("\r\n")
            survey.isComplete = true
        case .continuation: withUnsafeBytes(of: head[0]) { survey.read($0) }
        case .separator:
            output.writeStaticString("X-Mailbox-Line: ")
            isKept = true
        case .field(let length):
            let name = head[..<length]
            isFirstField = false
            isKept = !IncomingHeader.dropped.contains { HeaderSurvey.isField(name, $0) }
            if ownName != nil, IncomingHeader.judged.contains(where: { HeaderSurvey.isField(name, $0) }) { isKept = false }
            if ownName != nil, HeaderSurvey.isField(name, "authentication-results") {
                results += 1
                if results <= IncomingHeader.mostResults { undecided = [] } else { isKept = false }
            }
            survey.begin(name)
        }
        if undecided != nil {
            head.withUnsafeBytes { hold($0) }
        } else if isKept || survey.isComplete {
            output.writeBytes(head)
        }
        // An mbox's line may be at its end with the octet that told what it is.
        if head.last == 0x0A { isWithinLine = false }
        head.removeAll(keepingCapacity: true)
        nameLength = nil
    }

    /// More of a field of which it is not known whether it is kept.
    private mutating func hold(_ octets: UnsafeRawBufferPointer) {
        guard let count = undecided?.count else { return }
        if count + octets.count <= IncomingHeader.longestResults {
            undecided?.append(contentsOf: octets)
        } else {
            undecided = nil
            isKept = false
        }
    }

    // authres-header-field = "Authentication-Results:" authres-payload       (RFC 8601 §2.2)
    /// The field that was held has ended.
    private mutating func decide(into output: inout ByteBuffer) {
        guard let field = undecided else { return }
        undecided = nil
        guard let ownName, let colon = field.firstIndex(of: UInt8(ascii: ":")) else { return }
        if !ForgedResults.claims(authserv: ownName, value: ByteBuffer(bytes: field[(colon + 1)...])) { output.writeBytes(field) }
    }

    /// Up to the line's end, or as far as the octets go.
    private mutating func passLine(_ octets: UnsafeRawBufferPointer, from start: Int, into output: inout ByteBuffer) -> Int {
        guard let origin = octets.baseAddress else { return start }
        let feed = memchr(origin + start, 0x0A, octets.count - start)
        let end = feed.map { UnsafeRawPointer($0) - origin + 1 } ?? octets.count
        let piece = UnsafeRawBufferPointer(rebasing: octets[start..<end])
        if undecided != nil {
            hold(piece)
        } else if isKept {
            output.writeBytes(piece)
        }
        survey.read(piece)
        isWithinLine = feed == nil
        return end
    }
}
