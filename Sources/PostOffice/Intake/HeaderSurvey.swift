package import MailModel
import MessageFormat
package import NIOCore

/// What Intake has to know of a message's header before the message goes on, in bounded memory.
package struct HeaderSurvey: Sendable {
    /// `Received` fields: the servers it has been through.
    package private(set) var hops = 0
    package private(set) var hasDate = false
    package private(set) var hasMessageID = false
    package private(set) var from = Author()
    package private(set) var sender = Author()
    /// The end of the header, or of the message, was seen.
    package internal(set) var isComplete = false

    /// One that was through so many is refused. RFC 5321 §6.3: "at least 100".
    package static let mostHops = 100

    /// A field that says who wrote or sent the message (RFC 5322 §3.6.2).
    package struct Author: Sendable {
        /// How often the field comes.
        package private(set) var count = 0
        /// What stands behind the colon of the first one, with its folding; not complete where it `isCut`.
        package private(set) var value = ByteBuffer()
        package private(set) var isCut = false

        /// Octets of a value that are kept: some hundred addresses.
        private static let most = 16 << 10

        /// Counts the field.
        fileprivate mutating func isFirst() -> Bool {
            count += 1
            return count == 1
        }

        fileprivate mutating func read(_ octets: UnsafeRawBufferPointer) {
            let room = Author.most - value.readableBytes
            if octets.count > room { isCut = true }
            value.writeBytes(octets.prefix(room))
        }
    }

    /// A program wrote it, and no human waits for what becomes of it: it says so (RFC 3834 §5), or comes by way of a list (RFC 2919).
    package var isAutomatic: Bool {
        isListed || (!autoSubmitted.isEmpty && !HeaderSurvey.isField(autoSubmitted[...], "no"))
            || HeaderSurvey.automatic.contains { HeaderSurvey.isField(precedence[...], $0) }
    }

    /// A program wrote it, or it is meant for everybody's bin: what is for a list's members is neither. Other lists' mail is not meant by that.
    var isUnfitForLists: Bool {
        (!autoSubmitted.isEmpty && !HeaderSurvey.isField(autoSubmitted[...], "no"))
            || HeaderSurvey.isField(precedence[...], "bulk") || HeaderSurvey.isField(precedence[...], "junk")
    }

    // list-id-header = "List-Id:" [phrase] "<" list-id ">" CRLF          (RFC 2919 §3)
    /// Whether it comes by way of the list with that identifier, which is in small letters.
    func cameBy(list identifier: String) -> Bool {
        listIDs.contains { value in
            guard let end = value.lastIndex(of: UInt8(ascii: ">")), let start = value[..<end].lastIndex(of: UInt8(ascii: "<")) else { return false }
            return String(decoding: value[(start + 1)..<end].filter { $0 > 0x20 }, as: UTF8.self).lowercased() == identifier
        }
    }

    /// It says `TLS-Required: No` (RFC 8689 §5).
    package var waivesTLS: Bool { HeaderSurvey.isField(tlsRequired[...], "no") }

    /// It says that it comes by way of a list (RFC 2919).
    private(set) var isListed = false
    /// It has a field that lists write and others do not: List-Id (RFC 2919), List-Post (RFC 2369 §3.4), or Mailing-List, which no standard has. Newsletters, which their
    /// authors send themselves, have List-Unsubscribe and Precedence too.
    private(set) var namesList = false
    /// The first values of List-Id, and so many octets of each.
    private var listIDs: [[UInt8]] = []
    private static let mostLists = 16
    private static let longestListID = 1_024
    /// The first words of the last such fields.
    private var autoSubmitted: [UInt8] = []
    private var precedence: [UInt8] = []
    private var tlsRequired: [UInt8] = []
    /// No standard has it (RFC 2076 §3.9), and everybody does.
    private static let automatic: [StaticString] = ["bulk", "junk", "list"]

    private var deliveries = DeliveryTrace()

    private enum Reading {
        case nothing, from, sender, autoSubmitted, precedence, tlsRequired, delivery, listID
    }

    /// The field whose value is being read.
    private var reading = Reading.nothing

    package init() {}

    /// A field of that name begins.
    mutating func begin(_ name: ArraySlice<UInt8>) {
        reading = .nothing
        if HeaderSurvey.isField(name, "received") {
            hops += 1
            if deliveries.beginTrace() { reading = .delivery }
        }
        if HeaderSurvey.isField(name, "delivered-to"), deliveries.beginRecipient() { reading = .delivery }
        if HeaderSurvey.isField(name, "date") { hasDate = true }
        if HeaderSurvey.isField(name, "message-id") { hasMessageID = true }
        if HeaderSurvey.isField(name, "from"), from.isFirst() { reading = .from }
        if HeaderSurvey.isField(name, "sender"), sender.isFirst() { reading = .sender }
        if HeaderSurvey.isField(name, "list-post") || HeaderSurvey.isField(name, "mailing-list") { namesList = true }
        if HeaderSurvey.isField(name, "list-id") {
            isListed = true
            namesList = true
            if listIDs.count < HeaderSurvey.mostLists {
                listIDs.append([])
                reading = .listID
            }
        }
        if HeaderSurvey.isField(name, "auto-submitted") {
            autoSubmitted = []
            reading = .autoSubmitted
        }
        if HeaderSurvey.isField(name, "precedence") {
            precedence = []
            reading = .precedence
        }
        if HeaderSurvey.isField(name, "tls-required") {
            tlsRequired = []
            reading = .tlsRequired
        }
    }

    /// More of the field's value.
    mutating func read(_ octets: UnsafeRawBufferPointer) {
        switch reading {
        case .nothing: break
        case .from: from.read(octets)
        case .sender: sender.read(octets)
        case .delivery: deliveries.read(octets)
        case .listID:
            guard let last = listIDs.indices.last else { return }
            listIDs[last] += octets.prefix(HeaderSurvey.longestListID - listIDs[last].count)
        case .autoSubmitted: if !HeaderSurvey.readWord(octets, into: &autoSubmitted) { reading = .nothing }
        case .tlsRequired: if !HeaderSurvey.readWord(octets, into: &tlsRequired) { reading = .nothing }
        case .precedence: if !HeaderSurvey.readWord(octets, into: &precedence) { reading = .nothing }
        }
    }

    /// Letters and hyphens behind blanks, 32 at most. False at the word's end.
    private static func readWord(_ octets: UnsafeRawBufferPointer, into word: inout [UInt8]) -> Bool {
        for octet in octets {
            let isBlank = octet == 0x20 || octet == 0x09 || octet == 0x0D || octet == 0x0A
            if isBlank, word.isEmpty { continue }
            guard OctetSet.letters.contains(octet) || octet == UInt8(ascii: "-"), word.count < 32 else { return false }
            word.append(octet)
        }
        return true
    }

    /// Some server wrote into it to whom it was delivered.
    package var hasDeliveries: Bool { deliveries.isAny }

    /// Whether a server of that name, and of our kind, has said so of that recipient.
    package func wasDelivered(to recipient: Address, by host: Domain) -> Bool { deliveries.contains(recipient, by: host) }

    /// `name` in lower case.
    static func isField(_ octets: ArraySlice<UInt8>, _ name: StaticString) -> Bool {
        guard octets.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { name in zip(octets, name).allSatisfy { ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 } }
    }
}
