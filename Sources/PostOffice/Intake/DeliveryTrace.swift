import MailModel

/// Who, by a header's Delivered-To fields, had the message at which server. Such a field is written above the Received of the server that delivers, and of it alone:
/// what another server wrote that had the domain before us is not ours. In bounded memory.
struct DeliveryTrace: Sendable {
    /// Fields that stand together, and the trace line below them; nil until it comes.
    private struct Delivery: Sendable {
        var recipients: [[UInt8]]
        var trace: [UInt8]?
    }

    private var deliveries: [Delivery] = []
    private var count = 0

    /// Fields that are looked at. A message that is delivered more often has as many Received fields.
    private static let most = 128
    /// Octets of one that are.
    private static let longest = 640

    var isAny: Bool { !deliveries.isEmpty }

    /// Delivered-To begins. False: it is not looked at.
    mutating func beginRecipient() -> Bool {
        guard count < DeliveryTrace.most else { return false }
        count += 1
        if let last = deliveries.indices.last, deliveries[last].trace == nil {
            deliveries[last].recipients.append([])
        } else {
            deliveries.append(Delivery(recipients: [[]]))
        }
        return true
    }

    /// Received begins. False: nothing of it is to be known.
    mutating func beginTrace() -> Bool {
        guard let last = deliveries.indices.last, deliveries[last].trace == nil else { return false }
        deliveries[last].trace = []
        return true
    }

    /// More of the value of what began last.
    mutating func read(_ octets: UnsafeRawBufferPointer) {
        guard let last = deliveries.indices.last else { return }
        if deliveries[last].trace != nil {
            DeliveryTrace.append(octets, to: &deliveries[last].trace)
        } else if let recipient = deliveries[last].recipients.indices.last {
            var value: [UInt8]? = deliveries[last].recipients[recipient]
            deliveries[last].recipients[recipient] = []
            DeliveryTrace.append(octets, to: &value)
            deliveries[last].recipients[recipient] = value ?? []
        }
    }

    /// White space, and with it folding, is one blank.
    private static func append(_ octets: UnsafeRawBufferPointer, to value: inout [UInt8]?) {
        for octet in octets {
            guard let count = value?.count, count < longest else { return }
            if octet != 0x20 && octet != 0x09 && octet != 0x0D && octet != 0x0A {
                value?.append(octet)
            } else if value?.last != 0x20 {
                value?.append(0x20)
            }
        }
    }

    // "Delivered-To:" address          (no standard has it; RFC 9228 tells what is done)
    func contains(_ recipient: Address, by host: Domain) -> Bool {
        let mark = " by \(host.value) (Martlet) "
        for delivery in deliveries {
            guard let trace = delivery.trace, String(decoding: trace, as: UTF8.self).lowercased().contains(mark.lowercased()) else { continue }
            if delivery.recipients.contains(where: { DeliveryTrace.isSame($0, recipient) }) { return true }
        }
        return false
    }

    private static func isSame(_ value: [UInt8], _ recipient: Address) -> Bool {
        let text = String(decoding: value.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed(), as: UTF8.self)
        guard let address = Address(text), address.localPart.lowercased() == recipient.localPart.lowercased() else { return false }
        return (address.domain.asciiForm ?? address.domain) == (recipient.domain.asciiForm ?? recipient.domain)
    }
}
