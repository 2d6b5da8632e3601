import Crypto

@testable import Gatehouse

/// A client of SCRAM-SHA-256, as RFC 5802 §3 has it; with what clients may get wrong.
struct SCRAMClient {
    var user = "alice@example.org"
    var password = Gate.rightPassword
    var header = "n,,"
    /// What it takes for the data of the channel.
    var channel: [UInt8] = []
    var nonce = "rOprNGfwEbeRWgbNEkqO"

    var bare: String { "n=\(user),r=\(nonce)" }
    var first: [UInt8] { Array((header + bare).utf8) }

    /// Its answer to the server's first message.
    func final(_ challenge: [UInt8]) throws -> [UInt8] {
        let text = String(decoding: challenge, as: UTF8.self)
        let values = SCRAMClient.values(text)
        let salt = UnpaddedBase64.decode(values["s", default: ""].prefix { $0 != "=" }) ?? []
        let count = Int(values["i", default: ""]) ?? 0
        let keys = try SCRAMKeys(of: Password(password), salt: salt, iterations: count, reference: [])
        let bound = "c=\(SCRAMClient.base64(Array(header.utf8) + channel)),r=\(values["r", default: ""])"
        let message = Array("\(bare),\(text),\(bound)".utf8)
        let clientKey = try SCRAMClient.clientKey(password, salt, count)
        let proof = zip(clientKey, SCRAMKeys.mac(keys.pairs[0].storedKey, message)).map { $0 ^ $1 }
        return Array("\(bound),p=\(SCRAMClient.base64(proof))".utf8)
    }

    static func values(_ message: String) -> [String: String] {
        Dictionary(message.split(separator: ",").map { (String($0.prefix(1)), String($0.dropFirst(2))) }) { first, _ in first }
    }

    static func base64(_ octets: [UInt8]) -> String { String(decoding: SCRAMText.base64(octets), as: UTF8.self) }

    /// Hi, one HMAC after the other (RFC 5802 §2.2).
    private static func clientKey(_ password: String, _ salt: [UInt8], _ count: Int) throws -> [UInt8] {
        let key = SymmetricKey(data: Array(password.utf8))
        var last = Array(HMAC<SHA256>.authenticationCode(for: salt + [0, 0, 0, 1], using: key))
        var salted = last
        for _ in 1..<count {
            last = Array(HMAC<SHA256>.authenticationCode(for: last, using: key))
            for (place, octet) in last.enumerated() { salted[place] ^= octet }
        }
        return SCRAMKeys.mac(salted, Array("Client Key".utf8))
    }
}

extension Gate {
    /// One login by SCRAM, to its end: what the server said, and what came of it.
    func logIn(
        _ client: SCRAMClient, by mechanism: SASLMechanism = .scramSHA256, binding: [UInt8]? = nil, setbacks: Int = 0,
        beforeFinal: () async throws -> Void = {}, beforeEnd: () async throws -> Void = {}
    ) async throws -> (challenges: [String], verdict: Verdict?) {
        var exchange = SASLExchange(mechanism, binding: binding)
        var said: [String] = []
        var step = exchange.start(client.first)
        while case .question(let question) = step {
            switch await keeper.answer(LoginAttempt(question, setbacks: setbacks), over: .imap, from: "192.0.2.7") {
            case .verdict(let verdict): return (said, verdict)
            case .challenge(let octets, let next):
                exchange = next
                said.append(String(decoding: octets, as: UTF8.self))
                if said.count == 1 { try await beforeFinal() } else { try await beforeEnd() }
                step = exchange.respond(said.count == 1 ? try client.final(octets) : [])
            }
        }
        return (said, nil)
    }
}
