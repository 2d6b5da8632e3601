import ACME
import Gatehouse
import Logging
import MailModel
import PostOffice
import SQLiteStore
import Storage
import Transport

/// Carries out orders on an open store; the running server and the command line share it.
struct Administration: Sendable {
    let directory: Directory
    let store: SQLiteStore
    let desk: QueueDesk
    /// Returns when what has happened so far is recorded.
    let finishTraces: @Sendable () async -> Void
    /// Those that the running server shows.
    let certificates: CertificateShelf?
    let certificateDesk: CertificateDesk
    let signingKeys: SigningKeys
    /// By which DNS is asked; nil: nothing is asked of the world.
    let names: Configuration.Names?
    /// In ASCII.
    let serverName: Domain
    /// Nil where no server runs.
    let metrics: ServerMetrics?
    let gatekeeper: Gatekeeper
    let roles: RoleBook
    let log: Logger
    /// Hears of domains that are new, whose signing keys are to be made; does not wait.
    let domainAdded: @Sendable () -> Void
    /// Ends the connections of a network that is banned.
    let expel: @Sendable (Network) -> Void

    /// `user`: the number of who gave the order.
    func carryOut(_ order: Order, by user: Int64) async -> OrderResult {
        do {
            return try await answer(order, by: user)
        } catch {
            return .refused(Administration.refusal(of: error))
        }
    }

    private func answer(_ order: Order, by user: Int64) async throws -> OrderResult {
        switch order {
        case .addDomain(let name, let target):
            if let target { try await directory.add(domain: name, standingFor: target) } else { try await directory.add(domain: name) }
            domainAdded()
        case .listDomains: return .domains(lines: try await domains())
        case .removeDomain(let name):
            try await directory.remove(domain: name)
            if let domain = Domain(name) { try await signingKeys.removeAll(of: domain) }
        case .addAccount(let name, let password):
            return Administration.advice(try await directory.add(account: name, password: Password(password)).advice)
        case .listAccounts:
            return .accounts(
                lines: try await directory.list().map {
                    AccountLine(
                        name: $0.name.description, enabled: $0.enabled, created: $0.created.description, lastLogin: $0.lastLogin?.description,
                        secondFactor: try gatekeeper.secondFactor(of: $0.id).isOn, mustReset: try gatekeeper.mustReset($0.id))
                })
        case .setEnabled(let name, let enabled): try await directory.set(enabled: enabled, of: name)
        case .setPassword(let name, let password):
            return Administration.advice(try await directory.set(password: Password(password), of: name))
        case .removeAccount(let name): try await directory.remove(account: name)
        case .listAliases(let domain): return .aliases(lines: try await aliases(of: domain))
        case .addAlias(let name, let targets): return .aliases(lines: [try await line(try await directory.add(alias: name, targets: targets))])
        case .removeAlias(let name, let targets):
            let left = try await directory.remove(alias: name, targets: targets)
            guard let left else { return .aliases(lines: []) }
            return .aliases(lines: [try await line(left)])
        case .showDelivery(let name): return .delivery(line: DeliveryLine(try await directory.deliverySettings(of: name)))
        case .setForwarding(let name, let targets, let keepsCopy): try await directory.set(forwarding: targets, keepsCopy: keepsCopy, of: name)
        case .setSubaddressing(let name, let isFiled): try await directory.set(filesByDetail: isFiled, of: name)
        case .showDelegates(let name): return .delegates(lines: try await delegates(of: name))
        case .setDelegate(let name, let delegate, let right):
            try await directory.set(try Administration.sendRight(right), of: delegate, inTheNameOf: name)
            return .delegates(lines: try await delegates(of: name))
        case .showQuota(let name): return .quota(lines: try await quota(of: name))
        case .setQuota(let name, let limits): try await set(limits, of: name)
        case .checkStore: return .report(HealthReport(try await store.check()))
        case .storeStatus: return .report(HealthReport(store.searchStatus, store.scrubStatus))
        case .confirmStore: return .report(HealthReport(counts: [.init(name: "old indexes removed", value: try store.confirm())]))
        case .asideOfStore(let remove):
            return .report(
                remove
                    ? HealthReport(counts: [.init(name: "files removed", value: try store.clearAside())])
                    : HealthReport(counts: [.init(name: "files set aside", value: store.aside.count)], notes: store.aside))
        case .listQueue(let selection, let after): return .queue(page: try await queue(selection, after: after))
        case .showQueued(let id): return .queued(line: try await queued(id))
        case .changeQueue(let action, let ids, let selection, let after):
            return .queueChanged(change: try await changeQueue(action, ids, selection, after: after))
        case .certificatesInUse: return .certificates(digests: certificates?.identities.map { RecordMakers.hex($0.leafDigest) } ?? [])
        case .trace(let name, let skipping): return .trace(page: try await trace(name, skipping: skipping))
        case .showTLSOutcomes(let domain, let skipping): return .tlsOutcomes(page: try await tlsOutcomes(of: domain, skipping: skipping))
        case .showReports(let kind, let domain, let days, let skipping):
            return .reports(page: try reports(kind, of: domain, days: days, skipping: skipping))
        case .showMetrics: return .metrics(text: try await metricsText())
        case .showLoginFailures: return .loginFailures(failures: try loginFailures())
        case .list(let order): return try await carryOut(order)
        case .signing(let order): return try await carryOut(order)
        case .certificate(let order): return try await carryOut(order)
        case .credential(let account, let order): return try await carryOut(order, of: account)
        case .role(let order): return try await carryOut(order)
        case .limits(let order): return try await carryOut(order, by: user)
        case .compactStore(let all): return .report(HealthReport(try await store.compact(all: all)))
        }
        return .done
    }

    private static func advice(_ advice: PasswordRule.Advice?) -> OrderResult {
        advice.map { .advice(text: $0.description) } ?? .done
    }

    /// One line for people, and what a script gets.
    private static func refusal(of error: any Error) -> OrderResult.Refused {
        switch error {
        case let fault as DirectoryFault: OrderResult.Refused(code: Sysexit.dataError, text: fault.description)
        case let fault as CredentialFault: OrderResult.Refused(code: fault.isAbsence ? Sysexit.noUser : Sysexit.dataError, text: fault.description)
        case let fault as RoleFault: OrderResult.Refused(code: fault.isAbsence ? Sysexit.noUser : Sysexit.dataError, text: fault.description)
        case let fault as ListFault: OrderResult.Refused(code: fault.isAbsence ? Sysexit.noUser : Sysexit.dataError, text: fault.description)
        case let fault as ACMEFault: OrderResult.Refused(code: fault.exitCode, text: fault.description)
        case let fault as SigningFault: OrderResult.Refused(code: fault.isAbsence ? Sysexit.noUser : Sysexit.dataError, text: fault.description)
        case StorageFault.conflict: OrderResult.Refused(code: Sysexit.temporaryFailure, text: "somebody else has just changed it; try again")
        case StorageFault.noSuchAccount: OrderResult.Refused(code: Sysexit.noUser, text: "there is no such account")
        case StorageFault.noSuchMessage: OrderResult.Refused(code: Sysexit.dataError, text: "there is no such message in the queue (any more)")
        case StorageFault.noSuchDomain:
            OrderResult.Refused(code: Sysexit.noUser, text: "there is no such domain; martlet domain add makes it")
        case StorageFault.nameTaken: OrderResult.Refused(code: Sysexit.cannotCreate, text: "that name is taken")
        case StorageFault.notAllowed(let reason): OrderResult.Refused(code: Sysexit.cannotCreate, text: reason)
        case StorageFault.full: OrderResult.Refused(code: Sysexit.temporaryFailure, text: "the disk is full")
        case StorageFault.unavailable(let reason): OrderResult.Refused(code: Sysexit.unavailable, text: reason)
        case StorageFault.corrupt(let reason): OrderResult.Refused(code: Sysexit.dataError, text: "damaged: \(reason)")
        case StorageFault.closed: OrderResult.Refused(code: Sysexit.temporaryFailure, text: "the server is stopping")
        case let fault as LoginPenalties.OrderFault: OrderResult.Refused(code: Sysexit.dataError, text: fault.description)
        case is NotRunning: OrderResult.Refused(code: Sysexit.unavailable, text: "no server runs on this data folder, and nobody else counts")
        case is NotIssuing: OrderResult.Refused(code: Sysexit.configuration, text: "no CA issues certificates here: acme.enabled is false")
        case HashingFault.busy:
            OrderResult.Refused(code: Sysexit.temporaryFailure, text: "too many passwords wait to be hashed; try again")
        default: OrderResult.Refused(code: Sysexit.software, text: "\(error)")
        }
    }
}

extension HealthReport {
    fileprivate init(_ report: StoreReport) {
        counts = [
            Count(name: "accounts", value: report.accounts), Count(name: "mailboxes", value: report.mailboxes),
            Count(name: "messages", value: report.messages), Count(name: "bodies", value: report.bodies),
            Count(name: "octets", value: Int(clamping: report.octets)),
            Count(name: "bodies unknown to the index", value: report.unknownRecords),
        ]
        problems = report.faults
        notes = report.notes
    }

    fileprivate init(_ status: SearchStatus, _ scrub: ScrubStatus) {
        counts = [
            Count(name: "messages to index", value: status.waiting),
            Count(name: "messages indexed", value: status.bodies),
            Count(name: "search segments", value: status.segments),
        ]
        if let ended = scrub.ended {
            counts += [
                Count(name: "last scrub ended (seconds since 1970)", value: Int(clamping: ended.rawValue)),
                Count(name: "bodies read by the last scrub", value: scrub.bodies),
                Count(name: "problems found by the last scrub", value: scrub.faults),
            ]
        }
        if let reading = scrub.reading { counts.append(Count(name: "bodies read by the scrub under way", value: reading)) }
    }

    fileprivate init(_ report: CompactionReport) {
        counts = [
            Count(name: "segments removed", value: report.segments),
            Count(name: "bodies moved", value: report.bodiesMoved),
            Count(name: "octets freed", value: Int(clamping: report.freed)),
        ]
    }
}
