import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Storage

/// Makes a message what one server can take, or says why it cannot be: before anything of it is sent.
struct Preparation {
    struct Outcome {
        /// By the place of the recipient.
        var outcomes: [Int: CarrierReport.Outcome] = [:]
        /// Nil: there is nobody left to ask.
        var ready: (OutgoingMessage, Envelope)?
    }

    /// Whole messages that a server cannot be given, and why.
    private struct Hindrance: Error {
        let outcome: CarrierReport.Outcome
    }

    private let offer: ServerOffer
    private let convert: SMTPCarrier.Conversion?
    private let sign: SMTPCarrier.Signing?
    /// The server delivers, and passes nothing on (LMTP).
    private let isFinal: Bool

    init(_ offer: ServerOffer, isFinal: Bool, _ convert: SMTPCarrier.Conversion?, _ sign: SMTPCarrier.Signing?) {
        self.isFinal = isFinal
        self.offer = offer
        self.convert = convert
        self.sign = sign
    }

    func preparation(of message: OutgoingMessage) async -> Outcome {
        var result = Outcome()
        func give(_ outcome: CarrierReport.Outcome) {
            for place in message.recipients.indices where result.outcomes[place] == nil { result.outcomes[place] = outcome }
        }
        do throws(Hindrance) {
            try checkSize(message)
            try checkProtection(message)
            try checkDeadline(message)
            let envelope = Envelope(message, offer)
            result.outcomes = envelope.impossible
            guard !envelope.recipients.isEmpty else { return result }
            try await checkHeader(message)
            let converted = try await sevenBit(message)
            try checkSize(converted)
            let signed = try await signed(converted)
            try checkSize(signed)
            result.ready = (signed, signed.size == message.size ? envelope : Envelope(signed, offer))
        } catch {
            give(error.outcome)
        }
        return result
    }

    // RFC 1870 §6.1
    private func checkSize(_ message: OutgoingMessage) throws(Hindrance) {
        guard let limit = offer.sizeLimit, message.size > limit else { return }
        throw Hindrance(
            outcome: .impossible(5, 3, 4, "the message has \(message.size) octets, and the server takes \(limit) at most"))
    }

    /// RFC 8689 §4.2.1: whoever connected has seen to it; nothing that was forgotten there sends it in the open.
    private func checkProtection(_ message: OutgoingMessage) throws(Hindrance) {
        guard message.traits.contains(.requiresTLS), !offer.requireTLS else { return }
        throw Hindrance(outcome: .impossible(5, 7, 30, "the server does not offer REQUIRETLS, which is demanded"))
    }

    /// RFC 2852 §4.1: what is to come back when it is late goes to nobody who does not see to that.
    private func checkDeadline(_ message: OutgoingMessage) throws(Hindrance) {
        guard let by = message.deliverBy, by.isReturned, !offer.deliverBy, !isFinal else { return }
        throw Hindrance(
            outcome: .impossible(5, 3, 3, "the message is to be there in time or to come back, and the server does not promise that (DELIVERBY)"))
    }

    /// RFC 6531 §3.5, RFC 6533 §4.
    private func checkHeader(_ message: OutgoingMessage) async throws(Hindrance) {
        guard message.traits.contains(.smtpUTF8), !offer.smtpUTF8 else { return }
        var check = HeaderCheck()
        var offset = 0
        while check.finding == .unfinished, offset < message.size {
            let piece: ByteBuffer
            do { piece = try await message.read(offset..<min(offset + 16 * 1024, message.size)) } catch { throw Hindrance(outcome: .unread(error)) }
            guard piece.readableBytes > 0 else { throw Hindrance(outcome: .unreadable) }
            check.feed(piece)
            offset += piece.readableBytes
        }
        guard check.finding == .notASCII else { return }
        throw Hindrance(outcome: .impossible(5, 6, 9, "the message's header is not ASCII, and the server takes none such (SMTPUTF8)"))
    }

    /// RFC 6152 §3.
    private func sevenBit(_ message: OutgoingMessage) async throws(Hindrance) -> OutgoingMessage {
        guard message.traits.contains(.eightBit), !offer.eightBitMIME else { return message }
        let refusal = Hindrance(outcome: .impossible(5, 6, 3, "the message has octets above 127, and the server takes none such (8BITMIME)"))
        guard let convert else { throw refusal }
        let converted: OutgoingMessage
        do { converted = try await convert(message) } catch is SevenBitFault {
            throw refusal
        } catch {
            // The message could not be read: nothing is known of it.
            throw Hindrance(outcome: .unread(error))
        }
        guard !converted.traits.contains(.eightBit), converted.recipients == message.recipients else { throw refusal }
        return converted
    }

    /// Last of all: nothing that is signed may change any more (RFC 6376 §5.3).
    private func signed(_ message: OutgoingMessage) async throws(Hindrance) -> OutgoingMessage {
        guard let sign else { return message }
        do { return try await sign(message) } catch { throw Hindrance(outcome: .unread(error)) }
    }
}

extension CarrierReport.Outcome {
    static func impossible(_ category: Int, _ subject: Int, _ detail: Int, _ text: String) -> CarrierReport.Outcome {
        guard let status = EnhancedStatus(category, subject, detail) else { return .interrupted(text, wasSent: false) }
        return .impossible(status, text, isPermanent: category == 5)
    }

    /// Why there is no text to send. A try that was cancelled says nothing of the message.
    static func unread(_ error: any Error) -> CarrierReport.Outcome { error is CancellationError ? .untried : .unreadable }

    /// Our own fault.
    static var unreadable: CarrierReport.Outcome { .impossible(4, 3, 0, "the message cannot be read here") }
}
