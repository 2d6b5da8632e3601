import Crypto
import FoundationEssentials
package import MailModel
package import NIOCore

/// Signs one message as it goes out (RFC 6376 §5): relaxed/relaxed, one signature for each key. The text passes once, in pieces of any size; only its header is
/// held. It is given as it will be sent: lines that end with CRLF, before dots are doubled.
package struct DKIMSigner: Sendable {
    package enum Fault: Error, Hashable, Sendable {
        /// Longer than `longestHeader`.
        case headerTooLong
        /// So often the same ones that h= would name more than 200.
        case tooManyFields
        /// There is no From, which every signature has to cover (§5.4).
        case noAuthor
        /// d= can have no such domain: an address literal, or without an ASCII form.
        case unusableDomain
        case key(DKIMKey.Fault)
    }

    /// Octets.
    package static let longestHeader = 256 << 10

    private let domain: Domain
    private let keys: [(selector: String, key: DKIMKey)]
    private let identity: String?
    private let time: Timestamp
    private let expires: Timestamp?
    private var gathering = HeaderGathering(most: DKIMSigner.longestHeader)
    private var body = BodyDigest(.relaxed)

    /// - parameter domain: d=; written with A-labels.
    /// - parameter keys: with the selectors under which their records stand; labels of ASCII.
    /// - parameter identity: i=, `local@domain` within `domain`; nil: none is written.
    /// - parameter at: t=.
    /// - parameter expires: x=; nil: none is written.
    package init(domain: Domain, keys: [(selector: String, key: DKIMKey)], identity: String? = nil, at time: Timestamp, expires: Timestamp? = nil) {
        self.domain = domain
        self.keys = keys
        self.identity = identity
        self.time = time
        self.expires = expires
    }

    package mutating func take(_ text: ByteBuffer) {
        var text = text
        gathering.take(&text)
        if gathering.progress == .whole { text.withUnsafeReadableBytes { body.take($0) } }
    }

    /// The text is over: one DKIM-Signature field for each key, whole lines with CRLF, to be written before the message.
    package mutating func finish() throws(Fault) -> [UInt8] {
        gathering.finish()
        guard gathering.progress == .whole else { throw .headerTooLong }
        body.finish()
        let header = HeaderBlock(gathering.header)
        guard !header.places(of: "from").isEmpty else { throw .noAuthor }
        guard let domain = domain.asciiForm, !domain.isLiteral, let digest = body.digest(of: nil) else { throw .unusableDomain }
        guard let names = SignedFields.names(header) else { throw .tooManyFields }

        var canonical: [UInt8] = []
        for place in header.select(names, own: nil) { header.write(place, .relaxed, to: &canonical) }
        var hash = SHA256()
        hash.update(data: canonical)

        var fields: [UInt8] = []
        for (selector, key) in keys {
            var field = FieldComposer(name: "DKIM-Signature")
            for tag in ["v=1;", "a=\(key.algorithm.rawValue);", "c=relaxed/relaxed;", "d=\(domain.value);", "s=\(selector);"] { field.add(tag) }
            if let identity { field.add("i=\(DKIMSigner.quotedPrintable(identity));") }
            field.add("t=\(time.rawValue);")
            if let expires { field.add("x=\(expires.rawValue);") }
            do { fields += try field.signed(names: names, body: digest, after: hash, key) } catch { throw .key(error) }
        }
        return fields
    }

    // dkim-quoted-printable (§2.11)
    private static func quotedPrintable(_ text: String) -> String {
        var result = ""
        for octet in text.utf8 {
            if (0x21...0x7E).contains(octet), octet != UInt8(ascii: ";"), octet != UInt8(ascii: "=") {
                result.unicodeScalars.append(Unicode.Scalar(octet))
            } else {
                let hexadecimal = String(octet, radix: 16, uppercase: true)
                result += (octet < 16 ? "=0" : "=") + hexadecimal
            }
        }
        return result
    }
}

extension FieldComposer {
    /// Adds h=, bh= and b=; the field with its line end.
    ///
    /// - parameter hash: of the fields that h= names.
    mutating func signed(names: [String], body: SHA256.Digest, after hash: SHA256, _ key: DKIMKey) throws(DKIMKey.Fault) -> [UInt8] {
        let last = names.count - 1
        add("h=", parts: names.enumerated().map { $0.offset == last ? $0.element + ";" : $0.element + ":" })
        add("bh=\(Data(body).base64EncodedString());")
        return try signed(after: hash, key)
    }

    /// Adds b=; the field with its line end.
    mutating func signed(after hash: SHA256, _ key: DKIMKey) throws(DKIMKey.Fault) -> [UInt8] {
        add("b=")
        var hash = hash
        var own: [UInt8] = []
        HeaderBlock(ByteBuffer(string: text)).write(0, .relaxed, isLast: true, to: &own)
        hash.update(data: own)
        append(Data(try key.signature(for: hash.finalize())).base64EncodedString())
        return Array(text.utf8) + [0x0D, 0x0A]
    }
}
