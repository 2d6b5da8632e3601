import ACME
import Storage
import Transport

// Certificates.
extension Administration {
    func carryOut(_ order: CertificateOrder) async throws -> OrderResult {
        switch order {
        case .list: return .certificateLines(lines: try await certificateLines())
        case .prepareKey(let name, let another):
            let keeper = try runningKeeper()
            _ = try await keeper.prepareKey(try await certificateName(name, keeper), another: another)
        case .renew(let name, let hasNewKey):
            let keeper = try runningKeeper()
            let known = try await certificateName(name, keeper)
            if hasNewKey { _ = try await keeper.prepareKey(known) }
            try await keeper.renew(known, takesPreparedKey: hasNewKey)
        case .revoke(let name, let reason):
            let keeper = try runningKeeper()
            guard let known = CertificateOrder.reasons.first(where: { $0.name == reason }) else {
                throw StorageFault.notAllowed("a reason is one of \(CertificateOrder.reasons.map(\.name).joined(separator: ", "))")
            }
            try await keeper.revoke(try await certificateName(name, keeper), known.reason)
        }
        return .certificateLines(lines: try await certificateLines())
    }

    private func certificateLines() async throws -> [CertificateLine] {
        if let keeper = certificateDesk.keeper { return try await keeper.status().map(CertificateLine.init) }
        var lines: [CertificateLine] = []
        for place in certificateDesk.files {
            do {
                lines.append(
                    CertificateLine(
                        try await CertificateExamination(certificatePath: place.certificatePath, keyPath: place.keyPath), at: SystemClock.now()))
            } catch let fault as TLSIdentity.Fault {
                var line = CertificateLine(name: place.certificatePath, source: "file", state: fault.isMissing ? "missing" : "damaged")
                line.fault = fault.description
                lines.append(line)
            }
        }
        return lines
    }

    private func runningKeeper() throws -> CertificateKeeper {
        guard let keeper = certificateDesk.keeper else { throw NotIssuing() }
        guard certificateDesk.isRunning else { throw StorageFault.unavailable("no server runs; only that can ask a CA") }
        return keeper
    }

    /// Nil: the first that is wanted.
    private func certificateName(_ text: String?, _ keeper: CertificateKeeper) async throws -> CertificateName {
        let known = try await keeper.status().map(\.name)
        guard let text else {
            guard let first = known.first else { throw ACMEFault.unknown("") }
            return first
        }
        guard let name = CertificateName(text), known.contains(name) else { throw ACMEFault.unknown(text) }
        return name
    }
}

/// No CA issues certificates here.
struct NotIssuing: Error {}

/// What is known of certificates here.
struct CertificateDesk: Sendable {
    /// Nil: no CA issues them.
    let keeper: CertificateKeeper?
    /// It runs, and can ask a CA.
    let isRunning: Bool
    /// Those in use, where no CA issues them.
    let files: [CertificateShelf.Files]
}
