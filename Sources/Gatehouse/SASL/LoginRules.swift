/// What the Gatekeeper lets logins come by, beside passwords, as it is when a connection begins.
package struct LoginRules: Hashable, Sendable {
    package var offersSCRAM = false
    /// A certificate's addresses are names of accounts (`auth.client-certificates`).
    package var acceptsCertificates = false

    package init(offersSCRAM: Bool = false, acceptsCertificates: Bool = false) {
        self.offersSCRAM = offersSCRAM
        self.acceptsCertificates = acceptsCertificates
    }
}
