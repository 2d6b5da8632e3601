/// A login's name and password; it never prints itself.
package struct Credentials: Sendable, CustomStringConvertible, CustomReflectable {
    package let user: String
    package let password: Password

    package init(user: String, password: Password) {
        self.user = user
        self.password = password
    }

    package var description: String { "(credentials)" }
    package var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}

/// What PLAIN's one message says (RFC 4616 §2). It never prints itself.
package struct PlainMessage: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    package let authorization: String
    package let user: String
    /// As it came.
    package let password: [UInt8]

    // message = [authzid] UTF8NUL authcid UTF8NUL passwd
    /// Nil for what is no such message, or one without a user.
    package init?(_ octets: [UInt8]) {
        let fields = octets.split(separator: 0, omittingEmptySubsequences: false)
        guard fields.count == 3, let authorization = String(validating: fields[0], as: UTF8.self),
            let user = String(validating: fields[1], as: UTF8.self), !user.isEmpty
        else { return nil }
        self.authorization = authorization
        self.user = user
        password = Array(fields[2])
    }

    /// Nobody may act for another here.
    package var actsForItself: Bool { authorization.isEmpty || authorization == user }

    package var description: String { "(credentials)" }
    package var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}
