package import Conversation
package import Logging
package import MailModel
package import Storage

extension ReportSender {
    package struct Surroundings: Sendable {
        let outcomes: PolicyOutcomes
        let tls: TLSOutcomes
        let store: any KeyValueStore & QueueStore
        let intake: Intake
        let resolver: any Resolver
        let web: any WebFetcher
        let compression: any Compressor
        let clock: Timestamp.Clock
        /// 0..<1.
        let chance: @Sendable () -> Double
        let makeID: TransactionID.Source
        /// Hears of new entries of the queue.
        let queued: @Sendable ([QueueID]) async -> Void
        /// Whether a domain is ours.
        let isOurs: @Sendable (Domain) async throws -> Bool
        let log: Logger

        package init(
            outcomes: PolicyOutcomes, tls: TLSOutcomes, store: any KeyValueStore & QueueStore, intake: Intake, resolver: any Resolver,
            web: any WebFetcher, compression: any Compressor, clock: @escaping Timestamp.Clock, chance: @escaping @Sendable () -> Double,
            makeID: @escaping TransactionID.Source, queued: @escaping @Sendable ([QueueID]) async -> Void,
            isOurs: @escaping @Sendable (Domain) async throws -> Bool, log: Logger
        ) {
            self.outcomes = outcomes
            self.tls = tls
            self.store = store
            self.intake = intake
            self.resolver = resolver
            self.web = web
            self.compression = compression
            self.clock = clock
            self.chance = chance
            self.makeID = makeID
            self.queued = queued
            self.isOurs = isOurs
            self.log = log
        }
    }
}
