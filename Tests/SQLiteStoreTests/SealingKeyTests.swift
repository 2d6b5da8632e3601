import Crypto
import Foundation
import Storage
import Testing

@testable import SQLiteStore

@Suite struct SealingKeyTests {
    private let secret = SymmetricKey(data: Array(UInt8(0)..<32))
    private let nonce = Array(UInt8(100)..<112)

    private func octets(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) } }

    private func seal(_ plain: [UInt8], _ authenticated: [UInt8]) throws -> (sealed: [UInt8], tag: [UInt8]) {
        var (sealed, tag) = ([UInt8](repeating: 0, count: plain.count), [UInt8](repeating: 0, count: SealingKey.tag))
        let key = try SealingKey(secret)
        try plain.withUnsafeBytes { plain in
            try nonce.withUnsafeBytes { nonce in
                try authenticated.withUnsafeBytes { authenticated in
                    try sealed.withUnsafeMutableBytes { sealed in
                        try tag.withUnsafeMutableBytes { try key.seal(plain, nonce: nonce, authenticating: authenticated, into: sealed, tag: $0) }
                    }
                }
            }
        }
        return (sealed, tag)
    }

    private func open(_ sealed: [UInt8], _ tag: [UInt8], _ authenticated: [UInt8]) throws -> [UInt8]? {
        var plain = [UInt8](repeating: 0, count: sealed.count)
        let key = try SealingKey(secret)
        let isWhole = sealed.withUnsafeBytes { sealed in
            tag.withUnsafeBytes { tag in
                nonce.withUnsafeBytes { nonce in
                    authenticated.withUnsafeBytes { authenticated in
                        plain.withUnsafeMutableBytes { key.open(sealed, tag: tag, nonce: nonce, authenticating: authenticated, into: $0) }
                    }
                }
            }
        }
        return isWhole ? plain : nil
    }

    @Test("seals and opens as swift-crypto does, at all lengths around its blocks", arguments: [0, 1, 15, 16, 17, 255, 4_064, 65_536])
    func asSwiftCrypto(count: Int) throws {
        for label in [[], octets(29), octets(count)] {
            let plain = octets(count)
            let (sealed, tag) = try seal(plain, label)
            let box = try AES.GCM.seal(plain, using: secret, nonce: AES.GCM.Nonce(data: nonce), authenticating: label)
            #expect(sealed == Array(box.ciphertext))
            #expect(tag == Array(box.tag))
            #expect(try open(sealed, tag, label) == plain)
        }
    }

    @Test("one octet more, less or other is refused")
    func refusesWhatIsOther() throws {
        let label = octets(29)
        let (sealed, tag) = try seal(octets(100), label)
        var other = sealed
        other[50] ^= 1
        #expect(try open(other, tag, label) == nil)
        #expect(try open(Array(sealed.dropLast()), tag, label) == nil)
        #expect(try open(sealed + [0], tag, label) == nil)
        var tagged = tag
        tagged[15] ^= 0x80
        #expect(try open(sealed, tagged, label) == nil)
        #expect(try open(sealed, Array(tag.dropLast()), label) == nil)
        #expect(try open(sealed, tag, Array(label.dropLast())) == nil)
    }

    @Test("a key or a nonce of another size seals nothing")
    func refusesOtherSizes() throws {
        #expect(throws: StorageFault.self) { try SealingKey(SymmetricKey(size: .bits128)) }
        #expect(throws: StorageFault.self) {
            try Seal.seal([1, 2, 3], under: secret, as: Label(kind: .check, id: 1), nonce: [UInt8](repeating: 0, count: 11))
        }
    }

    @Test("a seal is opened by swift-crypto, and the other way round")
    func sealsAreAsBefore() throws {
        let label = Label(kind: .outline, id: 7, account: 9)
        for count in [0, 1, 1_000] {
            let sealed = try Seal.seal(octets(count), under: secret, as: label, nonce: nonce)
            let box = try AES.GCM.SealedBox(combined: sealed[4...])
            #expect(try Array(AES.GCM.open(box, using: secret, authenticating: label.bytes(keyID: Seal.currentKeyID))) == octets(count))
            #expect(try Array(Seal.open(sealed, under: secret, as: label)) == octets(count))
        }
        // The first octets are the key's id, which is authenticated too.
        var sealed = try Seal.seal(octets(10), under: secret, as: label)
        sealed[3] ^= 2
        #expect(throws: StorageFault.self) { try Seal.open(sealed, under: secret, as: label) }
    }
}
