import Crypto
import MailModel
import NIOCore

@testable import SenderTrust

/// What a signer may write: as a list of tags, as a key's record, as a value of ARC, and as a whole message. Traps when a list names what is not in it, when a key is
/// taken that is too short, when canonical forms are not those of the RFC's plain words, and when what is said of a message hangs on where it was cut.
package func fuzzSignatures(_ bytes: UnsafeRawBufferPointer) {
    let octets = Array(bytes)
    fuzzTags(octets)
    if let (instance, results) = ARCFields.results(octets) {
        precondition((1...50).contains(instance) && !results.utf8.contains { $0 == 0x0D || $0 == 0x0A || $0 == 0 }, "results that are no line")
    }
    for form in Canonicalization.allCases {
        let expected = SHA256.hash(data: PlainCanonical.body(octets, isRelaxed: form == .relaxed))
        for size in [octets.count + 1, 1, 3] {
            var digest = BodyDigest(form, beginnings: [0, 3])
            for piece in pieces(octets, size) { piece.withUnsafeBytes { digest.take($0) } }
            digest.finish()
            precondition(digest.digest(of: nil) == expected, "another canonical form than the RFC's")
            precondition((digest.digest(of: 3) != nil) == (digest.count >= 3) && digest.digest(of: 0) != nil, "a beginning that was missed")
        }
    }
    fuzzMessage(octets)
}

private func pieces(_ octets: [UInt8], _ size: Int) -> [[UInt8]] {
    stride(from: 0, to: octets.count, by: size).map { Array(octets[$0..<min(octets.count, $0 + size)]) }
}

private func fuzzTags(_ octets: [UInt8]) {
    if let tags = TagList(octets) {
        precondition(Set(tags.tags.map(\.name)).count == tags.tags.count, "a tag that is there twice")
        for tag in tags.tags {
            precondition(!octets[tag.range].contains(UInt8(ascii: ";")) && octets[tag.range.lowerBound - 1] == UInt8(ascii: "="), "a value of another tag")
            precondition(tags.value(tag.name) != nil && tags.compact(tag.name) != nil && tags.parts(tag.name)?.isEmpty == false)
        }
        if let signature = try? DKIMSignature(tags) {  // try?: most lists are none
            precondition(signature.content.names.contains("from") && signature.key.keyName.isASCII && !signature.key.octets.isEmpty)
            precondition(signature.key.keyName.value.utf8.count <= 253 && (signature.content.length ?? 0) >= 0)
        }
    }
    if let record = DKIMKeyRecord(String(decoding: octets, as: UTF8.self)) {
        for algorithm in DKIMAlgorithm.allCases {
            guard let key = try? DKIMPublicKey(record.key, algorithm) else { continue }  // try?: most are none
            precondition(key.bits.map(DKIMPublicKey.acceptedBits.contains) ?? true, "a key of a length that nobody may use")
            precondition(!key.verifies(record.key, of: SHA256.hash(data: octets)), "a signature out of nothing")
        }
    }
    _ = DERReader.modulusBits(octets)
}

private func fuzzMessage(_ octets: [UInt8]) {
    let now = Timestamp(rawValue: 1_700_000_000)
    func observer(_ size: Int) -> SignatureObserver {
        var observer = SignatureObserver()
        for piece in pieces(octets, size) { observer.take(ByteBuffer(bytes: piece)) }
        observer.finish()
        return observer
    }
    let whole = observer(octets.count + 1)
    for size in [1, 2, 7] {
        let other = observer(size)
        precondition(other.header == whole.header && other.preliminary(now: now) == whole.preliminary(now: now), "it hangs on where the message was cut")
    }
    let header = HeaderBlock(whole.header)
    for place in header.fields.indices where !header.name(place).isEmpty {
        var relaxed: [UInt8] = []
        header.write(place, .relaxed, isLast: true, to: &relaxed)
        precondition(relaxed.starts(with: header.name(place).utf8) && relaxed.last != 0x20 && !relaxed.contains(0x09), "blanks that are left")
        var simple: [UInt8] = []
        header.write(place, .simple, to: &simple)
        precondition(simple.count == header.fields[place].end - header.fields[place].start, "a field that is not as it came")
    }
    let chain = ARCChain(header)
    precondition(chain.links.map(\.instance) == Array(1..<(chain.links.count + 1)) && chain.links.count <= 50, "a chain with a gap")
    precondition(chain.flaw == nil || chain.links.isEmpty, "a broken chain that has links")
}
