import CUnbound
import Conversation
import Glibc
import MailModel

/// The resolver's thread: it alone speaks to libunbound, which works in a thread of its own behind a pipe.
///
/// No more than `UnboundContext.mostAtOnce` questions are with libunbound; the others wait here, in order. A question ends by its deadline whatever libunbound
/// does. All have the same patience, so that the first to come is the first to be late.
final class UnboundLoop {
    /// A question as libunbound has it.
    private final class Query {
        let question: QuestionDesk.Question
        let isAgain: Bool
        let finished: Finished
        /// libunbound's own number for it.
        var number: Int32 = 0
        var outcome: Result<QuestionDesk.Answer, ResolverFault>?

        init(_ question: QuestionDesk.Question, isAgain: Bool, _ finished: Finished) {
            self.question = question
            self.isAgain = isAgain
            self.finished = finished
        }
    }

    /// Where libunbound's callback leaves what it was told.
    private final class Finished {
        var queries: [Query] = []
    }

    private let context: UnboundContext
    private let desk: QuestionDesk
    private let patience: Duration
    private let finished = Finished()
    private var waiting: [QuestionDesk.Question] = []
    /// Those before it have gone to libunbound.
    private var nextWaiting = 0
    /// It holds what libunbound has the address of.
    private var asked: [UInt64: Query] = [:]
    private var deadlines: [(id: UInt64, moment: ContinuousClock.Instant)] = []
    private var nextDeadline = 0

    init(_ context: UnboundContext, _ desk: QuestionDesk, patience: Duration) {
        self.context = context
        self.desk = desk
        self.patience = patience
    }

    /// Until the desk is closed.
    func run() {
        while true {
            let delivery = desk.collect()
            if delivery.isClosed { break }
            let deadline = ContinuousClock.now + patience
            waiting += delivery.questions
            deadlines += delivery.questions.map { ($0.id, deadline) }
            expire(ContinuousClock.now)
            askWaiting()
            wait()
            conclude()
        }
        context.delete()
        asked = [:]
        desk.end()
    }

    private func askWaiting() {
        while asked.count < UnboundContext.mostAtOnce, nextWaiting < waiting.count {
            let question = waiting[nextWaiting]
            nextWaiting += 1
            // It may have been late or cancelled here.
            if desk.isAwaited(question.id) { ask(question, isAgain: false) }
        }
        if nextWaiting == waiting.count || nextWaiting > 1_000 {
            waiting.removeFirst(nextWaiting)
            nextWaiting = 0
        }
    }

    private func ask(_ question: QuestionDesk.Question, isAgain: Bool) {
        let query = Query(question, isAgain: isAgain, finished)
        asked[question.id] = query
        let code = ub_resolve_async(
            context.pointer, question.name, Int32(question.type.rawValue), 1, Unmanaged.passUnretained(query).toOpaque(),
            { argument, code, result in
                defer { ub_resolve_free(result) }
                guard let argument else { return }
                let query = Unmanaged<Query>.fromOpaque(argument).takeUnretainedValue()
                query.outcome = UnboundLoop.read(code, result?.pointee, askedFor: query.question.name)
                query.finished.queries.append(query)
            }, &query.number)
        guard code != 0 else { return }
        asked[question.id] = nil
        desk.finish(question.id, .failure(UnboundLoop.fault(code)))
    }

    /// Until there is a question, an answer or a deadline.
    private func wait() {
        var ends = [
            pollfd(fd: desk.reading, events: Int16(POLLIN), revents: 0), pollfd(fd: ub_fd(context.pointer), events: Int16(POLLIN), revents: 0),
        ]
        var milliseconds: Int32 = -1
        if nextDeadline < deadlines.count {
            let (seconds, attoseconds) = (deadlines[nextDeadline].moment - ContinuousClock.now).components
            milliseconds = Int32(clamping: max(0, seconds) * 1_000 + max(0, attoseconds) / 1_000_000_000_000_000 + 1)
        }
        guard poll(&ends, 2, milliseconds) > 0, ends[1].revents != 0 else { return }
        // Otherwise its pipe is broken: it will answer nothing any more.
        if ub_process(context.pointer) != 0 { desk.close() }
    }

    private func conclude() {
        let queries = finished.queries
        finished.queries = []
        for query in queries {
            let question = query.question
            guard asked.removeValue(forKey: question.id) != nil, let outcome = query.outcome else { continue }
            switch outcome {
            case .success(let answer): desk.finish(question.id, .success(answer))
            // Under a burst, a few in a thousand fail for want of sockets.
            case .failure(.failed(code: 2)) where !query.isAgain && desk.isAwaited(question.id): ask(question, isAgain: true)
            case .failure(let fault): desk.finish(question.id, .failure(fault))
            }
        }
    }

    private func expire(_ now: ContinuousClock.Instant) {
        while nextDeadline < deadlines.count {
            let (id, moment) = deadlines[nextDeadline]
            if desk.isAwaited(id) {
                guard moment <= now else { break }
                end(id, .timedOut)
            }
            nextDeadline += 1
        }
        if nextDeadline == deadlines.count || nextDeadline > 1_000 {
            deadlines.removeFirst(nextDeadline)
            nextDeadline = 0
        }
        // One that waits keeps others behind it, which are answered.
        if deadlines.count > 2 * QuestionDesk.capacity { deadlines.removeAll { !desk.isAwaited($0.id) } }
    }

    private func end(_ id: UInt64, _ fault: ResolverFault) {
        // Nothing is called back for what is cancelled.
        if let query = asked.removeValue(forKey: id) { ub_cancel(context.pointer, query.number) }
        desk.finish(id, .failure(fault))
    }
}

extension UnboundLoop {
    /// What libunbound's code, or its result, says.
    private static func read(_ code: Int32, _ result: ub_result?, askedFor name: String) -> Result<QuestionDesk.Answer, ResolverFault> {
        guard code == 0, let result else { return .failure(fault(code)) }
        // First of all: what is bogus has code 0, and the forged records.
        if result.bogus != 0 { return .failure(.bogus(result.why_bogus.map { cleaned(String(cString: $0)) } ?? "DNSSEC validation failed")) }
        // libunbound writes the answer anew, with names compressed less than they were; what then is more than 64 KiB it cuts, to nothing.
        if isTruncated(result) { return .failure(.malformed) }
        let isSecure = result.secure != 0
        let canonicalName = result.canonname.map { String(cString: $0) }.flatMap { $0.hasPrefix("[") ? nil : Domain($0) }.flatMap {
            $0.value == name ? nil : $0
        }
        let ttl = Int(result.ttl)
        switch result.rcode {
        case 0 where result.havedata != 0:
            return .success(QuestionDesk.Answer(records: records(result), isSecure: isSecure, canonicalName: canonicalName, ttl: ttl))
        case 0 where result.nxdomain == 0:
            return .success(QuestionDesk.Answer(denial: .noRecords, isSecure: isSecure, canonicalName: canonicalName, ttl: ttl))
        case 0, 3: return .success(QuestionDesk.Answer(denial: .noSuchName, isSecure: isSecure, canonicalName: canonicalName, ttl: ttl))
        default: return .failure(.failed(code: Int(result.rcode)))
        }
    }

    // TC, RFC 1035 §4.1.1
    private static func isTruncated(_ result: ub_result) -> Bool {
        guard let packet = result.answer_packet, result.answer_len >= 12 else { return false }
        return packet.load(fromByteOffset: 2, as: UInt8.self) & 0x02 != 0
    }

    private static func records(_ result: ub_result) -> [[UInt8]] {
        guard let data = result.data, let lengths = result.len else { return [] }
        var records: [[UInt8]] = []
        while let record = data[records.count] {
            records.append(Array(UnsafeRawBufferPointer(start: record, count: max(0, Int(lengths[records.count])))))
        }
        return records
    }

    private static func fault(_ code: Int32) -> ResolverFault {
        switch code {
        case UB_SYNTAX.rawValue: .malformed
        case UB_SERVFAIL.rawValue: .failed(code: 2)
        default: .unavailable(UnboundContext.words(code))
        }
    }

    /// It quotes names of the peer's.
    private static func cleaned(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(300).map { (0x20...0x7E).contains($0.value) ? $0 : "?" }))
    }
}
