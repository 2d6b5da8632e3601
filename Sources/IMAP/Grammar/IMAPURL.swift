import MailModel
import MessageFormat
import NIOCore

/// A URL that names a message or a part of one (RFC 5092), as CATENATE takes it.
///
///     imapurl       = "imap://" [enc-user [";AUTH=" auth] "@"] host [":" port] "/" imessagepart
///     relative      = "/" imessagepart / ["/"] iuid [isection] [ipartial]        ; the last: of the selected mailbox
///     imessagepart  = enc-mailbox [";UIDVALIDITY=" nz-number] "/" iuid [isection] [ipartial]
///     iuid = ";UID=" nz-number ; isection = "/;SECTION=" enc-section ; ipartial = "/;PARTIAL=" number ["." nz-number]
package struct IMAPURL: Hashable, Sendable {
    /// Of an absolute URL.
    struct Server: Hashable, Sendable {
        /// Nil: whoever is logged in.
        let user: String?
        /// In small letters, without the port.
        let host: String
    }

    let server: Server?
    /// Nil: the selected one.
    let mailbox: MailboxName?
    let uidValidity: UIDValidity?
    let uid: UID
    let section: BodySection
    /// Octets from `offset` on; without `count` all of them.
    let offset: Int
    let count: Int?

    /// Nil for what is no such URL, URLAUTH's among them.
    package init?(_ text: String) {
        var rest = Substring(text)
        server = IMAPURL.server(&rest)
        if server == nil, rest.lowercased().hasPrefix("imap:") { return nil }
        // The segments from ";UID=" on.
        guard let start = rest.range(ofUID: ()) else { return nil }
        guard let name = IMAPURL.mailbox(rest[..<start]) else { return nil }
        (mailbox, uidValidity) = name
        if server != nil, mailbox == nil { return nil }
        var parts = rest[start...].split(separator: "/", omittingEmptySubsequences: false)[...]
        guard let uid = IMAPURL.value("uid", &parts).flatMap({ UInt32($0) }).flatMap(UID.init(rawValue:)) else {
            return nil
        }
        self.uid = uid
        if let section = IMAPURL.value("section", &parts) {
            guard let decoded = IMAPURL.decoded(section), let found = BodySection(text: decoded) else { return nil }
            self.section = found
        } else {
            section = BodySection()
        }
        if let partial = IMAPURL.value("partial", &parts) {
            guard let range = IMAPURL.range(partial) else { return nil }
            (offset, count) = range
        } else {
            (offset, count) = (0, nil)
        }
        guard parts.isEmpty else { return nil }
    }

    private static func server(_ rest: inout Substring) -> Server? {
        let scheme = "imap://"
        guard rest.prefix(scheme.count).lowercased() == scheme else { return nil }
        let place = rest.dropFirst(scheme.count)
        guard let end = place.firstIndex(of: "/") else { return nil }
        var authority = place[..<end]
        var user: String?
        if let at = authority.lastIndex(of: "@") {
            let name = authority[..<at].split(separator: ";", omittingEmptySubsequences: false).first ?? ""
            guard let decoded = decoded(name) else { return nil }
            user = decoded.isEmpty ? nil : decoded
            authority = authority[authority.index(after: at)...]
        }
        let host = authority.split(separator: ":", omittingEmptySubsequences: false).first ?? ""
        rest = place[end...]
        return Server(user: user, host: host.lowercased())
    }

    /// Nil when no mailbox can be called that; (nil, nil) when none is named.
    private static func mailbox(_ path: Substring) -> (MailboxName?, UIDValidity?)? {
        var path = path
        if path.first == "/" { path.removeFirst() }
        guard !path.isEmpty else { return (nil, nil) }
        if path.last == "/" { path.removeLast() }
        let pieces = path.split(separator: ";", omittingEmptySubsequences: false)
        guard pieces.count <= 2, let decoded = pieces.first.flatMap(decoded), let name = MailboxName(decoded) else {
            return nil
        }
        guard pieces.count == 2 else { return (name, nil) }
        let key = "uidvalidity="
        guard pieces[1].prefix(key.count).lowercased() == key,
            let validity = UInt32(pieces[1].dropFirst(key.count)).flatMap(UIDValidity.init(rawValue:))
        else { return nil }
        return (name, validity)
    }

    /// What the next part says of `key`, if it is about that.
    private static func value(_ key: String, _ parts: inout ArraySlice<Substring>) -> Substring? {
        let start = ";\(key)="
        guard let part = parts.first, part.prefix(start.count).lowercased() == start else { return nil }
        parts.removeFirst()
        return part.dropFirst(start.count)
    }

    private static func range(_ text: Substring) -> (Int, Int?)? {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt32($0) }
        switch numbers.count {
        case 1: return numbers[0].map { (Int($0), nil) }
        case 2:
            guard let offset = numbers[0], let count = numbers[1], count > 0 else { return nil }
            return (Int(offset), Int(count))
        default: return nil
        }
    }

    /// Percent-decoded; nil when it is no UTF-8 then, or has a NUL or a line end.
    private static func decoded(_ text: Substring) -> String? {
        var octets: [UInt8] = []
        var rest = text.utf8[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%") else {
                octets.append(octet)
                continue
            }
            guard let high = rest.popFirst().flatMap(hex), let low = rest.popFirst().flatMap(hex) else { return nil }
            octets.append(high << 4 | low)
        }
        guard !octets.contains(where: { $0 == 0 || $0 == 10 || $0 == 13 }) else { return nil }
        return String(validating: octets, as: UTF8.self)
    }

    private static func hex(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x30...0x39: octet &- 0x30
        case 0x41...0x46: octet &- 0x37
        case 0x61...0x66: octet &- 0x57
        default: nil
        }
    }
}

extension Substring {
    /// Where ";UID=" begins, which is not ";UIDVALIDITY=".
    fileprivate func range(ofUID: Void) -> Index? {
        var index = startIndex
        while let found = self[index...].firstIndex(of: ";") {
            if self[found...].prefix(5).lowercased() == ";uid=" { return found }
            index = self.index(after: found)
        }
        return nil
    }
}
