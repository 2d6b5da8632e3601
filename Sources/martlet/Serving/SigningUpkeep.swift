import Conversation
import Logging
import MailModel
import PostOffice

/// Sees to the signing keys of the domains while the server runs and mail may leave: makes the first ones of a new domain, and once an hour looks for the records
/// of those that wait for that.
struct SigningUpkeep: Sendable {
    let keys: SigningKeys
    let directory: Directory
    let names: any Resolver
    let log: Logger

    private static let interval: Int64 = 3_600

    /// Until it is cancelled. `added`: there may be domains that are new.
    func keep(_ added: AsyncStream<Void>) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await _ in added { await makeFirst() }
            }
            group.addTask {
                while !Task.isCancelled {
                    // New ones cannot be published yet.
                    await advance()
                    await makeFirst()
                    await SystemClock.wait(until: Timestamp(rawValue: SystemClock.now().rawValue + SigningUpkeep.interval))
                }
            }
        }
    }

    private func makeFirst() async {
        for domain in await domains() where domain.value.contains(".") && !Task.isCancelled {
            do {
                guard try await keys.generateFirst(for: domain) else { continue }
                // It takes a while.
                guard try await directory.isServed(domain) else {
                    try await keys.removeAll(of: domain)
                    continue
                }
                log.notice(
                    "Signing keys are made; they sign when their records are published: see martlet dns records", metadata: ["domain": "\(domain)"])
            } catch { log.error("No signing keys are made: \(error)", metadata: ["domain": "\(domain)"]) }
        }
    }

    private func advance() async {
        let rotation = KeyRotation(keys, log: log)
        for domain in await domains() where !Task.isCancelled {
            do { _ = try await rotation.advance(domain, names) } catch is CancellationError { return } catch {
                log.error("Signing keys are not moved on: \(error)", metadata: ["domain": "\(domain)"])
            }
        }
    }

    private func domains() async -> [Domain] {
        do { return try await directory.domainsServed().sorted() } catch {
            log.error("Which domains are served is not known: \(error)")
            return []
        }
    }
}
