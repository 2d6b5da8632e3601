import Conversation
import Logging
import Transport

/// What a running server does by itself, now and then, until it is cancelled.
struct Upkeep {
    let house: House
    let configuration: Configuration
    let certificates: CertificateShelf?
    /// Nil when one is configured, or TLS is off.
    let certificate: OwnCertificate?
    /// Says that there may be domains that are new.
    let domainsAdded: AsyncStream<Void>
    /// Nil while mail may not leave.
    let names: (any Resolver)?
    let log: Logger

    func keep() async {
        await withTaskGroup { group in
            group.addTask { await house.store.keepCompact(every: .seconds(configuration.compactionInterval), log: log) }
            group.addTask { await house.store.keepCatalogue(every: .seconds(15), log: log) }
            group.addTask { await house.store.keepChangesPruned(every: .seconds(1_800), log: log) }
            group.addTask { await house.gatekeeper.keepLog() }
            group.addTask {
                await house.gatekeeper.keepUses { log.error("What app passwords were used for could not be written down, and will be tried again: \($0)") }
            }
            group.addTask { await house.gatekeeper.rates.keep(cleanup: .seconds(configuration.limits.rateCleanup)) }
            group.addTask { await house.gatekeeper.penalties.keep(cleanup: .seconds(configuration.limits.rateCleanup)) }
            group.addTask { await HeapKeeper.keep(every: .seconds(15)) }
            if configuration.scrubInterval > 0 {
                group.addTask { await house.store.keepScrubbed(within: .seconds(configuration.scrubInterval), log: log) }
            }
            if let names {
                let signing = SigningUpkeep(keys: house.signingKeys, directory: house.directory, names: names, log: log)
                group.addTask { await signing.keep(domainsAdded) }
            }
            if let certificates {
                let watch = CertificateWatch(
                    shelf: certificates, files: configuration.configuredFiles, clientAuthorities: configuration.tls.clientAuthorities,
                    clock: SystemClock.now, log: log)
                group.addTask { await watch.keep() }
            }
            if let certificate, let certificates, configuration.issuing == nil { group.addTask { await certificate.keepRenewed(on: certificates, log: log) } }
        }
    }
}
