import MailModel
import MessageFormat
package import NIOCore
import Storage
import Synchronization

extension Intake {
    /// A message that is coming in. One owner at a time; let go of before `finish` has returned, it leaves nothing behind.
    ///
    /// The header is held until its end (or `heldHeader`), for what is decided by it; all else goes on as it comes.
    package final class Incoming: Sendable {
        /// Octets of header that are held. Beyond them a submission is not completed: a field that is still to come must not be doubled.
        package static let heldHeader = 256 << 10

        private struct State {
            /// Header that was not written yet.
            var held = ByteBuffer()
            var header = IncomingHeader()
            /// For a header that does not come in one piece.
            var loans = HeaderLoans()
            var scanner = MessageScanner()
            /// Set when the header has passed the checks, until the text is all there.
            var sink: (any BodySink)?
        }

        private let envelope: Envelope
        private let expected: Int?
        private let intake: Intake
        private let state = Mutex(State())

        init(_ envelope: Envelope, expected: Int?, _ intake: Intake) {
            self.envelope = envelope
            self.expected = expected
            self.intake = intake
        }

        deinit { discard() }

        /// The next octets of the text. Waits while too much is on its way to the disk.
        package func write(_ text: ByteBuffer) async throws(Refusal) {
            do {
                let (sink, isHeader, isReady) = try state.withLock { state in
                    let isHeader = !state.header.survey.isComplete
                    if isHeader {
                        state.header.consume(text, into: &state.held)
                        if state.sink == nil { try state.loans.cover(state.held, from: intake.heldHeaders) }
                    }
                    return (state.sink, isHeader, state.header.survey.isComplete || state.held.readableBytes >= Incoming.heldHeader)
                }
                if let sink {
                    if isHeader { try await passHeader(to: sink) } else { try await pass(text, to: sink) }
                } else if isReady {
                    try await begin()
                }
            } catch {
                discard()
                throw intake.refusal(for: error, envelope.id)
            }
        }

        /// The text is all there. Call it once.
        package func finish() async throws(Refusal) -> Receipt {
            do {
                let (begun, isHeader) = state.withLock { state in
                    let isHeader = !state.header.survey.isComplete
                    state.header.finish(into: &state.held)
                    return (state.sink, isHeader)
                }
                if let begun {
                    if isHeader { try await passHeader(to: begun) }
                } else {
                    try await begin()
                }
                let (sink, outline) = state.withLock { ($0.sink, $0.scanner.finish()) }
                guard let sink else { throw StorageFault.closed }
                let body = try await sink.finish(outline)
                state.withLock { $0.sink = nil }
                let placed = try await intake.store.place(body, placements())
                return Receipt(id: envelope.id, size: outline.size, placed: placed)
            } catch {
                discard()
                throw intake.refusal(for: error, envelope.id)
            }
        }

        private func discard() {
            let sink = state.withLock { state in
                defer {
                    state.sink = nil
                    state.held = ByteBuffer()
                    state.loans = HeaderLoans()
                }
                return state.sink
            }
            sink?.discard()
        }

        /// Asks the checks; and, once all of a submission's header is there, whether it is the user's.
        private func judge(_ survey: HeaderSurvey) async throws {
            for check in intake.checks {
                if let refusal = await check.judge(envelope, survey) { throw refused(refusal, by: check.name) }
            }
            if survey.isComplete, let submission = envelope.submission, let refusal = try await submission.refusal(of: survey) {
                throw refused(refusal, by: "author")
            }
        }

        private func refused(_ refusal: Refusal, by check: String) -> Refusal {
            intake.log.info("Message refused by check: \(check)", metadata: ["id": "\(envelope.id)"])
            return refusal
        }

        /// More of a header that is larger than what is held.
        private func passHeader(to sink: any BodySink) async throws {
            let (survey, text) = state.withLock { state in
                defer { state.held = ByteBuffer() }
                return (state.header.survey, state.held)
            }
            if survey.isComplete { try await judge(survey) }
            if text.readableBytes > 0 { try await pass(text, to: sink) }
        }

        /// Has it judged, and begins the body with what goes before the text.
        private func begin() async throws {
            let survey = state.withLock { $0.header.survey }
            try await judge(survey)
            let sink = try await intake.store.receive(expected: expected)
            let held = state.withLock { state in
                defer {
                    state.held = ByteBuffer()
                    state.loans = HeaderLoans()
                }
                state.sink = sink
                return state.held
            }
            var text = head(survey, room: held.readableBytes)
            text.writeImmutableBuffer(held)
            try await pass(text, to: sink)
        }

        private func pass(_ text: ByteBuffer, to sink: any BodySink) async throws {
            state.withLock { $0.scanner.consume(text) }
            try await sink.write(text)
        }

        // Return-path-line = "Return-Path:" FWS Reverse-path <CRLF>          (RFC 5321 §4.4)
        /// What is put before the text, with `room` for it.
        private func head(_ survey: HeaderSurvey, room: Int) -> ByteBuffer {
            var text = ByteBuffer()
            text.reserveCapacity(envelope.trace.readableBytes + room + 512)
            text.writeStaticString("Return-Path: ")
            text.writeString(envelope.reversePath.written)
            text.writeStaticString("\r\n")
            text.writeImmutableBuffer(envelope.trace)
            guard let submission = envelope.submission, survey.isComplete else { return text }
            // RFC 6409 §8.2, §8.3; RFC 5322 §3.6: Date and From must be there.
            if !survey.hasDate { text.writeString("Date: \(MessageDate.format(intake.clock()))\r\n") }
            if survey.from.count == 0, let author = submission.author { text.writeString("From: \(author.written)\r\n") }
            if !survey.hasMessageID { text.writeString("Message-ID: <\(envelope.id)@\(submission.host)>\r\n") }
            return text
        }

        /// One for each account, in the order of the recipients.
        private func placements() -> [Placement] {
            let date = intake.clock()
            func placement(_ recipient: Intake.Recipient) -> Placement {
                var placement = Placement(mailbox: recipient.inbox, internalDate: date)
                placement.mayOverdraw = true
                return placement
            }
            if envelope.recipients.count == 1 { return [placement(envelope.recipients[0])] }
            var seen = Set<AccountID>()
            return envelope.recipients.compactMap { seen.insert($0.account).inserted ? placement($0) : nil }
        }
    }
}
