package import NIOCore

/// The address lists of header fields (RFC 5322 §3.4, §4.4), read as far as they make sense. Linear in the text.
package enum AddressList {
    /// At most `limit` addresses, group markers counted.
    package static func parse(_ text: ByteBuffer, limit: Int = MessageLimits.standard.addresses) -> [EnvelopeAddress] {
        text.withUnsafeReadableBytes { octets in
            var parser = AddressParser(octets, limit: limit)
            return parser.parse()
        }
    }

    /// As `parse`; nil where the field does not say clearly whose addresses it has: what lacks a local part or a domain, has words or marks where none
    /// belong, an obsolete route, two addresses where one can be, or quotes, comments or groups without an end.
    package static func parseClear(_ text: ByteBuffer, limit: Int = MessageLimits.standard.addresses) -> [EnvelopeAddress]? {
        text.withUnsafeReadableBytes { octets in
            var parser = AddressParser(octets, limit: limit)
            let list = parser.parse()
            return parser.isClear ? list : nil
        }
    }

    package static func parse(_ text: String, limit: Int = MessageLimits.standard.addresses) -> [EnvelopeAddress] {
        parse(ByteBuffer(string: text), limit: limit)
    }
}
