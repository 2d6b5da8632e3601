import SwiftASN1
import X509

/// A certificate that says what it is good for says that it is good for servers (RFC 5280 §4.2.1.12).
struct ServerPurposePolicy: VerifierPolicy {
    static let reason = "a certificate is not for servers"
    /// The names are critical where the subject is empty (§4.2.1.6): whoever asks this policy looks at them itself.
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [.X509ExtensionID.extendedKeyUsage, .X509ExtensionID.subjectAlternativeName]

    mutating func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) async -> PolicyEvaluationResult {
        for certificate in chain {
            do {
                guard let purposes = try certificate.extensions.extendedKeyUsage else { continue }
                guard purposes.contains(.serverAuth) || purposes.contains(.any) else { return .failsToMeetPolicy(reason: ServerPurposePolicy.reason) }
            } catch {
                return .failsToMeetPolicy(reason: "a certificate's purposes cannot be read")
            }
        }
        return .meetsPolicy
    }
}
