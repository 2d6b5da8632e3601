/// AUTH's lines (RFC 4954 §4), without CRLF. They hold a password: nobody prints them.
enum LoginLine {
    /// RFC 4616, with the initial response. Nil where a NUL stands in either, which PLAIN cannot say.
    static func plain(user: String, password: String) -> String? {
        guard !user.utf8.contains(0), !password.utf8.contains(0) else { return nil }
        return "AUTH PLAIN " + base64([0] + Array(user.utf8) + [0] + Array(password.utf8))
    }

    static let login = "AUTH LOGIN"

    static func answer(_ text: String) -> String { base64(Array(text.utf8)) }

    private static func base64(_ octets: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 3) {
            let group = octets[start..<min(start + 3, octets.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for digit in 0..<4 { text.append(digit <= group.count ? alphabet[bits >> (18 - 6 * digit) & 0x3F] : UInt8(ascii: "=")) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
