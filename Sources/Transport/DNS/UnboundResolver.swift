package import Conversation
import Threading

/// Names by libunbound: recursive or behind a forwarder, validated by DNSSEC, on threads of its own.
///
/// - Asking costs the caller a lock; nothing of it runs on an event loop.
/// - Every question ends: answered, `timedOut`, cancelled or closed.
package final class UnboundResolver: Resolver {
    private let desk: QuestionDesk

    /// Reads files. Throws an error that says in one line why it cannot be had.
    package init(_ setting: ResolverSetting) throws {
        let context = try UnboundContext(setting)
        let desk = try QuestionDesk()
        try BlockingThread.start("dns") { UnboundLoop(context, desk, patience: setting.patience).run() }
        self.desk = desk
    }

    deinit { desk.close() }

    package func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        try await desk.ask(name.value, type)
    }

    /// Ends what waits with `unavailable`; returns when its threads have ended. What is asked later ends alike.
    package func close() async {
        desk.close()
        await desk.ended()
    }
}

/// What a resolver turned out to do.
package enum ResolverProbe: Hashable, Sendable {
    /// Names are found, and DNSSEC proves those that are signed.
    case validating
    /// Names are found, and nothing is proved: no DANE.
    case notValidating
    /// The proof failed: whoever is asked leaves signatures out or forges; names that are signed will not be found. Why, in one line.
    case bogus(String)
    case failing(ResolverFault)
}

extension UnboundResolver {
    /// Asks for the root's own servers: who finds and proves those finds all. It takes `ResolverSetting.patience` at most.
    package func probe() async -> ResolverProbe { await probe(".", .ns) }

    func probe(_ name: String, _ type: RecordType) async -> ResolverProbe {
        do {
            return try await desk.ask(name, type).isSecure ? .validating : .notValidating
        } catch ResolverFault.bogus(let reason) {
            return .bogus(reason)
        } catch let fault as ResolverFault {
            return .failing(fault)
        } catch {
            return .failing(.unavailable("\(error)"))
        }
    }
}
