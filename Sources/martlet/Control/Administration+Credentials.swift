import Gatehouse
import MailModel
import PostOffice
import Storage

// App passwords, second factors and demands for other passwords.
extension Administration {
    func carryOut(_ order: CredentialOrder, of name: String) async throws -> OrderResult {
        guard let account = try await directory.account(name) else { throw StorageFault.noSuchAccount }
        switch order {
        case .appPasswords: return .appPasswords(lines: try gatekeeper.appPasswords(of: account.id).map(AppPasswordLine.init))
        case .addAppPassword(let label, let protocols, let networks, let expires):
            let allowed = try protocols.map { names in Set(try names.map(Administration.protocolName)) }
            let made = try await gatekeeper.addAppPassword(
                label, AppPassword.Scope(protocols: allowed, networks: networks), expires: expires.map(Timestamp.init), of: account.id)
            return .appPasswordMade(line: AppPasswordLine(made.app), secret: made.written)
        case .removeAppPassword(let id): try await gatekeeper.removeAppPassword(id, of: account.id)
        case .secondFactor:
            let status = try gatekeeper.secondFactor(of: account.id)
            return .secondFactor(
                line: SecondFactorLine(
                    account: account.name.description, isOn: status.isOn, isPending: status.isPending, recoveryCodes: status.recoveryCodes))
        case .enroll:
            let totp = try await gatekeeper.enrollSecondFactor(of: account.id)
            return .enrollment(secret: totp.written, address: totp.address(of: account.name, issuer: serverName.value))
        case .confirm(let code): return .recoveryCodes(codes: try await gatekeeper.confirmSecondFactor(code, of: account.id))
        case .renewRecoveryCodes: return .recoveryCodes(codes: try await gatekeeper.renewRecoveryCodes(of: account.id))
        case .disableSecondFactor: try await gatekeeper.disableSecondFactor(of: account.id)
        case .demandReset: try await gatekeeper.demandReset(of: account.id)
        }
        return .done
    }

    private static func protocolName(_ text: String) throws -> ProtocolName {
        guard let known = CredentialOrder.protocols.first(where: { $0.name == text }) else { throw CredentialFault.protocols }
        return known.value
    }
}
