import Conversation
import MailModel
import NIOCore
import PostOffice

/// A connection to another server. What comes while a message is on its way, but `close`, is not tried.
actor SMTPConnection: CarrierConnection {
    nonisolated let facts: CarrierFacts
    private let dialogue: Dialogue
    private let stream: any ByteStream
    private let offer: ServerOffer
    private let dialect: MailServer.Dialect
    private let convert: SMTPCarrier.Conversion?
    private let sign: SMTPCarrier.Signing?
    /// MAIL commands so far.
    private var transactions = 0
    /// Nothing more is said on it.
    private var isOver = false
    private var isBusy = false

    init(
        _ dialogue: sending Dialogue, _ offer: ServerOffer, _ dialect: MailServer.Dialect, _ facts: CarrierFacts, _ convert: SMTPCarrier.Conversion?,
        _ sign: SMTPCarrier.Signing?
    ) {
        stream = dialogue.stream
        self.dialogue = dialogue
        self.offer = offer
        self.dialect = dialect
        self.facts = facts
        self.convert = convert
        self.sign = sign
    }

    nonisolated func send(_ message: OutgoingMessage) async -> CarrierReport {
        await withTaskExecutorPreference(stream.executor) { await bring(message) }
    }

    private func bring(_ message: OutgoingMessage) async -> CarrierReport {
        guard isUsable, !isBusy else { return CarrierReport(outcomes: message.recipients.map { _ in .untried }, isUsable: isUsable) }
        isBusy = true
        defer { isBusy = false }
        var outcomes = [CarrierReport.Outcome?](repeating: nil, count: message.recipients.count)
        let preparation = await Preparation(offer, isFinal: dialect == .lmtp, convert, sign).preparation(of: message)
        for (place, outcome) in preparation.outcomes { outcomes[place] = outcome }
        if let (message, envelope) = preparation.ready {
            await carryOut(message, envelope, &outcomes)
        }
        if isOver { stream.close() }
        return CarrierReport(outcomes: outcomes.map { $0 ?? .untried }, isUsable: isUsable)
    }

    func close() async {
        if !isOver, !isBusy {
            isOver = true
            _ = try? await stream.write(ByteBuffer(string: "QUIT\r\n"), patience: dialogue.settings.farewell)
        }
        isOver = true
        stream.close()
    }

    private var isUsable: Bool { !isOver && transactions < offer.messageLimit ?? .max }

    private func carryOut(_ message: OutgoingMessage, _ envelope: Envelope, _ outcomes: inout [CarrierReport.Outcome?]) async {
        // A server that has had enough of waiting says 421, or nothing, and goes.
        if transactions > 0 {
            guard case .nothing = await dialogue.glance() else { return isOver = true }
        }
        var transaction = Transaction(dialogue, offer, dialect, message, envelope, isFirst: transactions == 0)
        transactions += 1
        await transaction.run()
        for (place, outcome) in transaction.outcomes { outcomes[place] = outcome }
        if transaction.isOver { isOver = true }
    }
}
