import Crypto
import FoundationEssentials
package import MailModel

/// Runs a program of the administrator's. An implementation bounds the time that it may take.
package protocol HookCommand: Sendable {
    /// Throws `HookFault` where the program cannot be run, or ends with a status other than 0. When the task is cancelled, the program is ended.
    /// - parameter environment: is added to what little a program is given.
    func run(_ arguments: [String], environment: [String: String]) async throws
}

package struct HookFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// In one line.
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// DNS-01 (RFC 8555 §8.4), by a program that changes the zone.
///
/// `HOOK add NAME VALUE` puts a TXT record with that value beside others of that name, and ends with 0 once the zone's servers have it; `HOOK remove NAME VALUE`
/// takes it away. NAME is `_acme-challenge.` and the domain, without a final dot; VALUE is 43 letters, digits, `-` and `_`. In the environment the same stands as
/// `MARTLET_ACTION`, `MARTLET_RECORD` and `MARTLET_VALUE`, and the domain as `MARTLET_DOMAIN`.
package struct DNSChallenges: ChallengeResponder {
    private let command: any HookCommand
    /// Hears that a record could not be taken away.
    private let complain: @Sendable (Domain, String) -> Void

    package init(_ command: any HookCommand, complain: @escaping @Sendable (Domain, String) -> Void = { _, _ in }) {
        (self.command, self.complain) = (command, complain)
    }

    package var kind: ChallengeKind { .dns01 }

    package func place(_ response: ChallengeResponse) async throws {
        do { try await run("add", response) } catch {
            // It may have been half done.
            await withdraw(response)
            throw error
        }
    }

    package func withdraw(_ response: ChallengeResponse) async {
        let removal = Task { try await run("remove", response) }
        do { try await removal.value } catch { complain(response.domain, ACMEFault.oneLine(String(describing: error))) }
    }

    private func run(_ action: String, _ response: ChallengeResponse) async throws {
        let (record, value) = ("_acme-challenge.\(response.domain)", DNSChallenges.value(response.keyAuthorization))
        try await command.run(
            [action, record, value],
            environment: ["MARTLET_ACTION": action, "MARTLET_DOMAIN": response.domain.value, "MARTLET_RECORD": record, "MARTLET_VALUE": value])
    }

    /// The digest of the key authorization, in base64url.
    static func value(_ keyAuthorization: String) -> String { Base64URL.encode(SHA256.hash(data: Data(keyAuthorization.utf8))) }
}
