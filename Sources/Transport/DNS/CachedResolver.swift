package import Conversation
import Synchronization

/// Remembers what another resolver answered, for as long as the answer may be kept.
///
/// - What is known is answered at once; what is asked for already is asked once, however many wait for it, and goes on though all of them give up.
/// - An answer keeps whether it was proved; its TTL is what is left of it.
/// - Bounded: by number and by octets; what was not asked for lately goes first.
package final class CachedResolver: Resolver {
    private struct Question: Hashable {
        let name: DNSName
        let type: RecordType
    }

    private typealias Answer = DNSAnswer<[UInt8]>
    private typealias Waiter = CheckedContinuation<Answer, any Error>

    private struct State {
        var kept: AnswerMemory<Question>
        var waiters: [Question: [UInt64: Waiter]] = [:]
        var lastID: UInt64 = 0
    }

    private enum Finding {
        case known(Result<Answer, ResolverFault>)
        case first
        case joined
    }

    private let source: any Resolver
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>

    /// In seconds. A denial is believed no longer than a quarter of an hour, so that a name that comes to be is found.
    private static let longest = 86_400
    private static let longestDenial = 900
    /// So long nobody is asked again who just failed: a hundred messages to one domain are one question.
    private static let fault = 5

    /// - parameter most: how many answers are kept, and how many octets they may have in all.
    package init(
        _ source: any Resolver, most: Int = 20_000, mostOctets: Int = 16 << 20, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.source = source
        self.now = now
        state = Mutex(State(kept: AnswerMemory(most: most, mostOctets: mostOctets)))
    }

    package func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        let question = Question(name: name, type: type)
        let moment = now()
        let (known, id) = state.withLock { state in
            state.lastID += 1
            return (state.kept.outcome(of: question, at: moment), state.lastID)
        }
        if let known { return try known.get() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                switch wait(question, id, waiter, at: moment) {
                case .known(let result): waiter.resume(with: result.mapError { $0 as any Error })
                case .first: begin(question)
                case .joined: break
                }
                // The handler may have run before there was anything to end.
                if Task.isCancelled { leave(question, id) }
            }
        } onCancel: {
            leave(question, id)
        }
    }

    private func wait(_ question: Question, _ id: UInt64, _ waiter: Waiter, at moment: ContinuousClock.Instant) -> Finding {
        state.withLock { state in
            // It may have come in the meantime.
            let isFirst = state.waiters[question] == nil
            if isFirst, let known = state.kept.outcome(of: question, at: moment) { return .known(known) }
            state.waiters[question, default: [:]][id] = waiter
            return isFirst ? .first : .joined
        }
    }

    /// One who waits gives up; the others and the question stay.
    private func leave(_ question: Question, _ id: UInt64) {
        state.withLock { $0.waiters[question]?.removeValue(forKey: id) }?.resume(throwing: CancellationError())
    }

    /// Belongs to nobody who waits, so that nobody's cancellation ends it.
    private func begin(_ question: Question) {
        Task {
            let result: Result<Answer, ResolverFault>
            do {
                result = .success(try await source.rdata(question.type, of: question.name))
            } catch let fault as ResolverFault {
                result = .failure(fault)
            } catch {
                result = .failure(.unavailable("\(error)"))
            }
            conclude(question, result)
        }
    }

    private func conclude(_ question: Question, _ result: Result<Answer, ResolverFault>) {
        let seconds = CachedResolver.seconds(result)
        let moment = now()
        let waiters = state.withLock { state in
            if seconds > 0 { state.kept.keep(result, of: question, for: seconds, at: moment) }
            return state.waiters.removeValue(forKey: question) ?? [:]
        }
        for waiter in waiters.values { waiter.resume(with: result.mapError { $0 as any Error }) }
    }

    private static func seconds(_ result: Result<Answer, ResolverFault>) -> Int {
        switch result {
        case .success(let answer): min(answer.ttl, answer.denial == nil ? longest : longestDenial)
        case .failure(.unavailable): 0
        case .failure: fault
        }
    }
}
