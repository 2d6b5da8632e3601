/// An Argon2 hash in its standard spelling: `$argon2id$v=19$m=65536,t=3,p=4$SALT$HASH`, salt and hash in base64 without padding.
struct PasswordHash: Equatable {
    enum Kind: String { case argon2id, argon2i, argon2d }

    /// The costs of one hash.
    struct Cost: Equatable {
        /// KiB.
        var memory: UInt32
        var passes: UInt32
        var lanes: UInt32

        /// What new passwords get (S10-S12).
        static let standard = Cost(memory: 65_536, passes: 3, lanes: 4)

        /// What one login may cost at most: hashes brought along from elsewhere work, absurd ones do not (256 MiB, about two seconds).
        var isBearable: Bool {
            (1...16).contains(lanes) && (8 * lanes...262_144).contains(memory) && (1...16).contains(passes)
                && memory / 1_024 * passes <= 1_024
        }
    }

    var kind: Kind
    var version: UInt32
    var cost: Cost
    var salt: [UInt8]
    var hash: [UInt8]

    static let saltLength = 16
    static let hashLength = 32

    init(kind: Kind = .argon2id, version: UInt32 = 0x13, cost: Cost = .standard, salt: [UInt8], hash: [UInt8]) {
        self.kind = kind
        self.version = version
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// Nil when it is no Argon2 hash, or one that costs too much.
    init?(_ phc: String) {
        var fields = phc.split(separator: "$", maxSplits: 6, omittingEmptySubsequences: false)[...]
        guard fields.popFirst() == "", let kind = fields.popFirst().flatMap({ Kind(rawValue: String($0)) }) else { return nil }
        var version: UInt32 = 0x10
        if let field = fields.first, field.hasPrefix("v=") {
            guard let given = PasswordHash.number(field.dropFirst(2)), given == 0x10 || given == 0x13 else { return nil }
            version = given
            fields.removeFirst()
        }
        guard fields.count == 3, let cost = fields.popFirst().flatMap(PasswordHash.cost), cost.isBearable,
            let salt = fields.popFirst().flatMap({ UnpaddedBase64.decode($0) }), (8...64).contains(salt.count),
            let hash = fields.popFirst().flatMap({ UnpaddedBase64.decode($0) }), (16...64).contains(hash.count)
        else { return nil }
        self.init(kind: kind, version: version, cost: cost, salt: salt, hash: hash)
    }

    var phc: String {
        "$\(kind.rawValue)$v=\(version)$m=\(cost.memory),t=\(cost.passes),p=\(cost.lanes)"
            + "$\(UnpaddedBase64.encode(salt))$\(UnpaddedBase64.encode(hash))"
    }

    private static func cost(_ field: Substring) -> Cost? {
        let values = field.split(separator: ",", omittingEmptySubsequences: false)
        guard values.count == 3, values[0].hasPrefix("m="), values[1].hasPrefix("t="), values[2].hasPrefix("p="),
            let memory = number(values[0].dropFirst(2)), let passes = number(values[1].dropFirst(2)),
            let lanes = number(values[2].dropFirst(2))
        else { return nil }
        return Cost(memory: memory, passes: passes, lanes: lanes)
    }

    private static func number(_ digits: Substring) -> UInt32? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return UInt32(digits)
    }
}

/// Base64 as PHC strings use it: the standard alphabet without padding.
enum UnpaddedBase64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ octets: [UInt8]) -> String {
        var text: [UInt8] = []
        var window: UInt32 = 0
        var bits: UInt32 = 0
        for octet in octets {
            window = (window & 0xFF) << 8 | UInt32(octet)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(window >> bits & 0x3F)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(window << (6 - bits) & 0x3F)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for another character, an impossible length or stray bits at the end.
    static func decode(_ text: Substring) -> [UInt8]? {
        var octets: [UInt8] = []
        var window: UInt32 = 0
        var bits: UInt32 = 0
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            window = (window & 0xFF) << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                octets.append(UInt8(window >> bits & 0xFF))
            }
        }
        guard bits < 6, window & ((1 << bits) - 1) == 0 else { return nil }
        return octets
    }
}
