import NIOCore

/// LOGIN's arguments (RFC 9051 §6.2.3). It does not print itself.
package struct LoginCredentials: CommandArguments, CustomStringConvertible, CustomReflectable {
    package let user: String
    package let password: String

    package init(user: String, password: String) {
        self.user = user
        self.password = password
    }

    package var description: String { "LoginCredentials(…)" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    //     login = "LOGIN" SP userid SP password ; userid = astring ; password = astring
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> LoginCredentials {
        let user = try reader.text()
        try reader.space()
        return LoginCredentials(user: user, password: try reader.text())
    }
}

/// AUTHENTICATE's (RFC 9051 §6.2.2).
package struct AuthenticateArguments: CommandArguments {
    /// In capitals.
    package let mechanism: String
    /// With SASL-IR (RFC 4959); empty when it was "=".
    package let initial: SASLResponse?

    package init(_ mechanism: String, initial: SASLResponse?) {
        self.mechanism = mechanism
        self.initial = initial
    }

    //     authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] ; initial-resp = (base64 / "=")   ; RFC 9051 §9
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> AuthenticateArguments {
        let mechanism = try reader.keyword()
        guard reader.scanner.take(0x20) else { return AuthenticateArguments(mechanism, initial: nil) }
        let octets = reader.scanner.take { $0 > 0x20 && $0 < 0x7F }
        if octets == ByteBuffer(string: "=") { return AuthenticateArguments(mechanism, initial: SASLResponse(bytes: [])) }
        guard octets.readableBytes > 0, let response = SASLResponse(base64: octets) else { throw SyntaxError("Not base64") }
        return AuthenticateArguments(mechanism, initial: response)
    }
}

/// A decoded message of the client in a SASL exchange. It does not print itself.
package struct SASLResponse: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }

    package var description: String { "SASLResponse(…)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
