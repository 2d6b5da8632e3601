@testable import Gatehouse

/// Takes the bytes for what a client says in an exchange: the first octet chooses mechanism and binding, lines are its messages. Traps when a message that is
/// read is not what was written, when more is read than may be, and when an exchange goes on behind its end.
package func fuzzSASL(_ bytes: UnsafeRawBufferPointer) {
    guard let choice = bytes.first else { return }
    let messages = bytes.dropFirst().split(separator: 0x0A, omittingEmptySubsequences: false).prefix(8).map { Array($0) }
    for message in messages {
        check(SCRAMClientFirst(message), message)
        check(SCRAMClientFinal(message), message)
        if let plain = PlainMessage(message) {
            let fields = [Array(plain.authorization.utf8), Array(plain.user.utf8), plain.password]
            precondition(Array(fields.joined(separator: [0])) == message, "PLAIN is read as it is not")
        }
    }
    let mechanism = SASLMechanism.allCases[Int(choice & 7) % SASLMechanism.allCases.count]
    var exchange = SASLExchange(mechanism, binding: choice & 16 == 0 ? nil : [1, 2, 3])
    var step = exchange.start(choice & 8 == 0 ? messages.first : nil)
    for message in messages.dropFirst(choice & 8 == 0 ? 1 : 0) {
        switch step {
        case .challenge(let octets): precondition(octets.count < 1 << 10, "a challenge is long")
        case .malformed, .notForAnother: return
        case .question(.scramOpening(let opening)):
            precondition((opening.binding.count > opening.first.header.count) == (mechanism == .scramSHA256Plus), "bound to what it is not")
            let challenge = SCRAMChallenge(opening, fuzzKeys, nonce: Array("server".utf8))
            precondition(challenge.message.count < 1 << 10, "a challenge is long")
            exchange = SASLExchange(awaitingProofOf: challenge)
        case .question(.scramFinal(let challenge, let final)):
            precondition(challenge.verdict(on: final) == nil, "nobody knows that password")
            return
        case .question: return
        }
        step = exchange.respond(message)
    }
}

/// Of no password.
private let fuzzKeys = SCRAMKeys(
    salt: [1, 2, 3], iterations: SCRAMKeys.iterations,
    pairs: [SCRAMKeys.Pair(storedKey: [UInt8](repeating: 1, count: 32), serverKey: [UInt8](repeating: 2, count: 32))], reference: [])

private func check(_ first: SCRAMClientFirst?, _ message: [UInt8]) {
    guard let first else { return }
    precondition(first.header + first.bare == message, "the header and what follows are not the message")
    precondition(first.header.filter { $0 == SCRAMText.comma }.count == 2, "a header has two commas")
    precondition(!first.user.isEmpty && !first.user.utf8.contains(0) && first.authorization != "", "a name is none")
    precondition((1...SCRAMText.longestNonce).contains(first.nonce.count) && !first.nonce.contains(SCRAMText.comma), "a nonce is none")
    precondition(message.count <= SCRAMText.longestMessage, "more is read than may be")
}

private func check(_ final: SCRAMClientFinal?, _ message: [UInt8]) {
    guard let final else { return }
    func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }
    precondition(final.bare + Array(",p=\(text(SCRAMText.base64(final.proof)))".utf8) == message, "the proof and what is before it are not the message")
    let beginning = "c=\(text(SCRAMText.base64(final.binding))),r=\(text(final.nonce))"
    precondition(final.bare.starts(with: beginning.utf8), "bound to what it does not say")
    precondition(message.count <= SCRAMText.longestMessage && final.proof.count == SCRAMKeys.length, "more is read than may be")
}
