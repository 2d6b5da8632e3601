import Crypto
import CryptoExtras
import FoundationEssentials
import Storage

/// What is kept of an account's password for SCRAM-SHA-256 (RFC 5802 §3, RFC 7677): enough to see that somebody knows it, not to say so oneself.
struct SCRAMKeys: Equatable, Sendable {
    /// Of one spelling of the password.
    struct Pair: Equatable, Sendable {
        let storedKey: [UInt8]
        let serverKey: [UInt8]
    }

    let salt: [UInt8]
    let iterations: Int
    /// Of the password as RFC 4013 prepares it, and as it was typed where that is something else: some clients prepare nothing.
    let pairs: [Pair]
    /// SHA-256 of the PHC string of the password that they are of: with another one they are nobody's.
    let reference: [UInt8]

    /// Octets of keys, signatures and proofs.
    static let length = 32
    static let saltLength = 16
    /// RFC 7677 §4 asks for 4,096 at least. Who logs in computes them, phones and scripts too: more would not make of it what Argon2id is, and the keys are
    /// sealed.
    static let iterations = 10_000

    /// Takes about 10 ms for each spelling.
    init(of password: Password, salt: [UInt8], iterations: Int = SCRAMKeys.iterations, reference: [UInt8]) throws {
        self.salt = salt
        self.iterations = iterations
        self.reference = reference
        pairs = try password.spellings.map { try Pair(of: $0, salt: salt, iterations: iterations) }
    }

    init(salt: [UInt8], iterations: Int, pairs: [Pair], reference: [UInt8]) {
        self.salt = salt
        self.iterations = iterations
        self.pairs = pairs
        self.reference = reference
    }

    static func reference(to phc: String) -> [UInt8] { Array(SHA256.hash(data: Array(phc.utf8))) }

    static func mac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }

    /// The server's signature, where the proof is that of one who knows the password.
    ///
    ///     ClientSignature = HMAC(StoredKey, AuthMessage);  ClientProof = ClientKey XOR ClientSignature;  ServerSignature = HMAC(ServerKey, AuthMessage)
    func signature(for proof: [UInt8], of message: [UInt8]) -> [UInt8]? {
        var signature: [UInt8]?
        for pair in pairs {
            let clientKey = zip(proof, SCRAMKeys.mac(pair.storedKey, message)).map { $0 ^ $1 }
            let isRight = isEqualInConstantTime(Array(SHA256.hash(data: clientKey)), pair.storedKey)
            if isRight, signature == nil { signature = SCRAMKeys.mac(pair.serverKey, message) }
        }
        return signature
    }
}

extension SCRAMKeys.Pair {
    //     SaltedPassword = Hi(Normalize(password), salt, i);  ClientKey = HMAC(SaltedPassword, "Client Key");  StoredKey = H(ClientKey)
    //     ServerKey = HMAC(SaltedPassword, "Server Key")
    fileprivate init(of password: [UInt8], salt: [UInt8], iterations: Int) throws {
        let salted = try KDF.Insecure.PBKDF2.deriveKey(
            from: password, salt: salt, using: .sha256, outputByteCount: SCRAMKeys.length, unsafeUncheckedRounds: iterations)
        func key(_ name: String) -> [UInt8] { Array(HMAC<SHA256>.authenticationCode(for: Array(name.utf8), using: salted)) }
        storedKey = Array(SHA256.hash(data: key("Client Key")))
        serverKey = key("Server Key")
    }
}

// How they are kept: JSON, so that a field that comes later is no other form.
extension SCRAMKeys {
    private struct Written: Codable {
        struct Pair: Codable {
            let storedKey: Data
            let serverKey: Data
        }

        let salt: Data
        let iterations: Int
        let pairs: [Pair]
        let reference: Data
    }

    var written: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return [UInt8](
                try encoder.encode(
                    Written(
                        salt: Data(salt), iterations: iterations,
                        pairs: pairs.map { Written.Pair(storedKey: Data($0.storedKey), serverKey: Data($0.serverKey)) }, reference: Data(reference))))
        }
    }

    /// `corrupt` for what is none.
    init(written octets: [UInt8]) throws {
        do {
            let written = try JSONDecoder().decode(Written.self, from: Data(octets))
            let pairs = written.pairs.map { Pair(storedKey: [UInt8]($0.storedKey), serverKey: [UInt8]($0.serverKey)) }
            let isWhole = pairs.allSatisfy { $0.storedKey.count == SCRAMKeys.length && $0.serverKey.count == SCRAMKeys.length }
            guard isWhole, !pairs.isEmpty, written.iterations > 0, !written.salt.isEmpty else {
                throw StorageFault.corrupt("keys for SCRAM that are none")
            }
            self.init(salt: [UInt8](written.salt), iterations: written.iterations, pairs: pairs, reference: [UInt8](written.reference))
        } catch let fault as StorageFault {
            throw fault
            // catch: whatever the reader says of it.
        } catch {
            throw StorageFault.corrupt("keys for SCRAM that cannot be read")
        }
    }
}
