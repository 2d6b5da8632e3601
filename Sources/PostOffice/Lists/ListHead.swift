import MailModel
import MessageFormat
import NIOCore

/// The fields that a list writes before a post. Subject, body and whatever a signature covers stay as they are (RFC 6376 §5.4.1).
struct ListHead {
    private let list: MailingList
    private let shared: [UInt8]

    // RFC 2369 §3, RFC 2919 §3. Precedence has no standard (RFC 2076 §3.9), and keeps many responders silent. Delivered-To is by what a post is known that comes
    // back though others changed its list fields (RFC 9228).
    init(_ list: MailingList) {
        self.list = list
        let request = list.address(.request).written
        var text = "List-Id: \(ListHead.phrase(list.name))<\(list.identifier)>\r\n"
        text += list.posters == .owners ? "List-Post: NO\r\n" : "List-Post: <mailto:\(list.written)>\r\n"
        text += "List-Help: <mailto:\(request)?subject=help>\r\n"
        if list.joining == .confirmed { text += "List-Subscribe: <mailto:\(request)?subject=subscribe>\r\n" }
        text += "List-Owner: <mailto:\(list.address(.owner).written)>\r\n"
        text += "Precedence: list\r\n"
        shared = Array(text.utf8)
    }

    /// For one member: a mail to `leave` ends the membership.
    func fields(leave: Address) -> [UInt8] {
        Array("Delivered-To: \(list.written)\r\n".utf8) + shared + Array("List-Unsubscribe: <mailto:\(leave.written)>\r\n".utf8)
    }

    /// A name before an address, and a blank; nothing for no name.
    static func phrase(_ name: String) -> String {
        guard !name.isEmpty else { return "" }
        guard name.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return EncodedWord.encode(name) + "\r\n " }
        var text = "\""
        for character in name {
            if character == "\"" || character == "\\" { text.append("\\") }
            text.append(character)
        }
        return text + "\"\r\n "
    }

    /// Fields that the list has its own of. RFC 2369 §4, RFC 2919 §8: each comes once at most, and none that somebody else wrote goes on.
    private static let own = [
        "List-Id", "List-Post", "List-Help", "List-Subscribe", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Owner", "List-Archive", "Precedence",
    ]

    /// A header, or some fields of one, without those fields, and without the empty line.
    static func without(_ header: ByteBuffer) -> ByteBuffer {
        var kept = HeaderFields.select(names: own, excluding: true, from: header)
        kept = kept.getSlice(at: kept.readerIndex, length: max(0, kept.readableBytes - 2)) ?? ByteBuffer()
        return kept
    }
}

extension MailingList {
    /// As commands and fields write it.
    var written: String { "\(address.localPart.lowercased())@\((address.domain.asciiForm ?? address.domain).value)" }
}
