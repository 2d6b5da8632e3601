import Crypto
package import MailModel

/// One-time passwords by the clock (RFC 6238): HMAC-SHA-1, steps of 30 s from 1970 on, six digits, which is what every authenticator program takes.
package struct TOTP: Hashable, Sendable {
    /// 20 octets, as long as the hash (RFC 4226 §4, R6).
    package let secret: [UInt8]

    package static let secretLength = 20
    package static let period: Int64 = 30
    /// Steps that a clock may be ahead or behind (RFC 6238 §5.2).
    package static let drift: Int64 = 1

    package init(secret: [UInt8]) { self.secret = secret }

    package static func step(at now: Timestamp) -> Int64 { max(0, now.rawValue) / period }

    /// Of a step; six digits (RFC 4226 §5.3).
    package func code(of step: Int64) -> String {
        let message = withUnsafeBytes(of: UInt64(max(0, step)).bigEndian) { Array($0) }
        let digest = Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: SymmetricKey(data: secret)))
        let offset = Int(digest[digest.count - 1] & 15)
        let number = digest[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let digits = String(number % 1_000_000)
        return String(repeating: "0", count: 6 - digits.count) + digits
    }

    /// The step that `code` is of, near `now` and behind the last one that was taken; nil: none.
    func step(of code: String, at now: Timestamp, after last: Int64?) -> Int64? {
        let current = TOTP.step(at: now)
        var found: Int64?
        for step in (current - TOTP.drift)...(current + TOTP.drift) where isEqualInConstantTime(self.code(of: step).utf8, code.utf8) { found = found ?? step }
        guard let found, last.map({ found > $0 }) ?? true else { return nil }
        return found
    }

    /// In Base32 without padding (RFC 4648 §6), as people type it in.
    package var written: String { Base32.encode(secret) }

    /// What authenticator programs read from a picture (Key Uri Format).
    /// - parameter issuer: what the program shows above the account; ASCII.
    package func address(of name: AccountName, issuer: String) -> String {
        "otpauth://totp/\(TOTP.escaped(issuer)):\(TOTP.escaped(name.description))?secret=\(written)&issuer=\(TOTP.escaped(issuer))"
            + "&algorithm=SHA1&digits=6&period=\(TOTP.period)"
    }

    /// RFC 3986 §2.1; what is unreserved, and `@`, stays.
    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { result, octet in
            let scalar = Unicode.Scalar(octet)
            if octet < 0x80, scalar.properties.isAlphabetic || (0x30...0x39).contains(octet) || "-._~@".unicodeScalars.contains(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "%\(digits[Int(octet >> 4)])\(digits[Int(octet & 15)])"
            }
        }
    }
}

/// Base32 without padding (RFC 4648 §6).
enum Base32 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

    static func encode(_ octets: [UInt8]) -> String {
        var text = ""
        var (window, bits) = (UInt32(0), 0)
        for octet in octets {
            window = window << 8 | UInt32(octet)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[Int(window >> bits & 31)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(window << (5 - bits) & 31)]) }
        return text
    }
}
