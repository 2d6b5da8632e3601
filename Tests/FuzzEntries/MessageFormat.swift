import MailModel
import NIOCore

@testable import MessageFormat

/// What a fuzzer calls: any octets must be read without a trap, alike whole and in pieces, and their outline must come
/// back from its encoding as it was.
package func fuzzMessageFormat(_ octets: UnsafeRawBufferPointer) {
    let message = ByteBuffer(bytes: octets)
    var limits = MessageLimits()
    limits.depth = 20
    limits.parts = 200
    limits.headerOctets = 4_096
    limits.addresses = 100
    let whole = fuzzedOutline(octets, limits: limits) { _ in octets.count }
    precondition(whole == fuzzedOutline(octets, limits: limits) { _ in 1 }, "octet by octet it reads differently")
    precondition(whole == fuzzedOutline(octets, limits: limits) { $0 % 7 + 1 }, "in small pieces it reads differently")
    precondition(whole.size == message.readableBytes, "the size is wrong")
    whole.forEachPart { _, part in
        precondition(part.headerRange.upperBound <= part.bodyRange.lowerBound, "a header reaches into its body")
        precondition(part.bodyRange.upperBound <= whole.size, "a body reaches beyond the message")
    }
    let decoded = try? MessageOutline(decoding: whole.encode())
    precondition(decoded == whole, "the outline does not survive its encoding")
    _ = try? MessageOutline(decoding: message)
    let inspection = MessageInspection(message, limits: limits)
    precondition(inspection.size == whole.size, "the inspection has another size")
    let text = String(decoding: octets, as: UTF8.self)
    precondition(EncodedWord.encode(text).utf8.count >= 0)
    fuzzFolding(octets)
    fuzzSevenBit(message)
    _ = HeaderFields.select(names: ["subject"], excluding: true, from: message)
    _ = MessageDate.parse(message)
    if let clear = AddressList.parseClear(message) { precondition(clear == AddressList.parse(message), "a clear list reads differently") }
    if let domain = Domain("example.org") {
        let completed = AddressCompletion.complete(message, with: domain)
        precondition(completed == AddressCompletion.complete(completed, with: domain), "what has its domains gets others")
    }
    _ = SearchableText.anyAddress("from", of: message) { _ in false }
}

private func fuzzedOutline(
    _ message: UnsafeRawBufferPointer, limits: MessageLimits, piece: (Int) -> Int
) -> MessageOutline {
    var scanner = MessageScanner(limits: limits)
    var start = 0
    var number = 0
    while start < message.count {
        let end = min(message.count, start + max(1, piece(number)))
        scanner.consume(UnsafeRawBufferPointer(rebasing: message[start..<end]))
        start = end
        number += 1
    }
    return scanner.finish()
}

/// Folding and the parting of words hold for any octets, and a text's form is that of its characters one by one.
private func fuzzFolding(_ octets: UnsafeRawBufferPointer) {
    var folded: [UInt8] = []
    Casemap.fold(octets, into: &folded)
    var single: [UInt8] = []
    for scalar in String(decoding: octets, as: UTF8.self).unicodeScalars { single += Casemap.folded(String(scalar)) }
    if String(validating: octets, as: UTF8.self) != nil { precondition(folded == single, "a text folds differently in parts") }
    var end = 0
    _ = SearchWords.forEach(in: octets) { word in
        precondition(!word.isEmpty && word.lowerBound >= 0 && word.upperBound <= octets.count && word.upperBound > end, "a word out of place")
        end = word.upperBound
    }
}

/// What is made for a server without 8BITMIME is ASCII, the same for every way of cutting, and its parts decode to what they were.
private func fuzzSevenBit(_ message: ByteBuffer) {
    var survey = SevenBitSurvey()
    for octet in message.readableBytesView { survey.consume(ByteBuffer(bytes: CollectionOfOne(octet))) }
    guard let plan = try? SevenBitSurvey.plan(message) else {
        precondition((try? survey.finish()) == nil, "octet by octet it can be converted")
        return
    }
    precondition((try? survey.finish()) == plan, "octet by octet it is planned differently")
    let output = SevenBitRecoder.recoded(message, plan)
    precondition(output.readableBytesView.allSatisfy { $0 < 0x80 }, "it is not ASCII")
    precondition((try? SevenBitSurvey.plan(output))?.isNeeded == false, "it is to be converted again")
    var recoder = SevenBitRecoder(plan)
    var pieces = ByteBuffer()
    for octet in message.readableBytesView { pieces.writeImmutableBuffer(recoder.recode(ByteBuffer(bytes: CollectionOfOne(octet)))) }
    pieces.writeImmutableBuffer(recoder.finish())
    precondition(pieces == output, "octet by octet it is converted differently")
    precondition(fuzzedLeaves(message) == fuzzedLeaves(output), "a part decodes to something else")
}

/// Bodies of leaves, decoded; message/global is one.
private func fuzzedLeaves(_ message: ByteBuffer) -> [ByteBuffer] {
    var scanner = MessageScanner()
    scanner.consume(message)
    var leaves: [ByteBuffer] = []
    var global: [Int]?
    scanner.finish().forEachPart { path, part in
        if let global, path.starts(with: global) { return }
        let isGlobal = part.type == "message" && part.subtype == "global"
        if case .leaf = part.content {} else if !isGlobal { return }
        if isGlobal { global = path }
        let body = message.getSlice(at: message.readerIndex + part.bodyRange.lowerBound, length: part.bodyRange.count) ?? ByteBuffer()
        leaves.append(TransferDecoder.decoded(body, encoding: part.encoding) ?? body)
    }
    return leaves
}
