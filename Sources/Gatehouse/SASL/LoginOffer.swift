/// What a connection may log in by: the one place that decides it. SMTP's AUTH line, IMAP's AUTH= and LOGINDISABLED, and POP3's SASL and USER come from it.
package struct LoginOffer: Hashable, Sendable {
    /// A bit a mechanism.
    private var offered: UInt16 = 0
    /// What the connection can be bound to: `tls-server-end-point` (RFC 5929 §4); nil: nothing.
    private var binding: [UInt8]?
    /// Of the client's certificate.
    private var addresses: [String] = []

    /// Nobody logs in.
    package static let none = LoginOffer()

    private init() {}

    /// - parameters:
    ///   - isSecure: under TLS.
    ///   - isLoopback: from this machine.
    ///   - allowsPlaintextOnLoopback: from there one may log in without TLS; from nowhere else (RFC 8314 §4.1; S1). SCRAM too: who hears it can try passwords.
    ///   - rules: the Gatekeeper's.
    ///   - binding: as `TLSFacts.endPoint` has it.
    ///   - addresses: of the certificate that the client has proved to have.
    package init(
        isSecure: Bool, isLoopback: Bool, allowsPlaintextOnLoopback: Bool, rules: LoginRules = LoginRules(), binding: [UInt8]? = nil,
        addresses: [String] = []
    ) {
        guard isSecure || (isLoopback && allowsPlaintextOnLoopback) else { return }
        self.binding = binding
        add([.plain, .login])
        if rules.offersSCRAM { add(binding == nil ? [.scramSHA256] : [.scramSHA256, .scramSHA256Plus]) }
        if isSecure, rules.acceptsCertificates, !addresses.isEmpty {
            self.addresses = addresses
            add([.external])
        }
    }

    private mutating func add(_ mechanisms: [SASLMechanism]) {
        for mechanism in mechanisms { offered |= LoginOffer.bit(mechanism) }
    }

    package func offers(_ mechanism: SASLMechanism) -> Bool { offered & LoginOffer.bit(mechanism) != 0 }

    /// In the order in which they are offered.
    package var mechanisms: [SASLMechanism] { SASLMechanism.allCases.filter(offers) }

    /// IMAP's LOGIN, POP3's USER and PASS.
    package var allowsPasswords: Bool { offers(.plain) }

    /// As EHLO and CAPA list them.
    package var list: String { mechanisms.map(\.rawValue).joined(separator: " ") }

    /// Begins an exchange by the mechanism of that name, in capitals; nil: it is not offered.
    package func exchange(named name: String) -> SASLExchange? {
        guard let mechanism = SASLMechanism(rawValue: name), offers(mechanism) else { return nil }
        return SASLExchange(mechanism, binding: offers(.scramSHA256Plus) ? binding : nil, addresses: addresses)
    }

    private static func bit(_ mechanism: SASLMechanism) -> UInt16 {
        switch mechanism {
        case .plain: 1
        case .login: 2
        case .scramSHA256: 4
        case .scramSHA256Plus: 8
        case .external: 16
        }
    }
}
