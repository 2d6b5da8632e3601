import CLinux
import Crypto

/// What must not be guessed, in one call of the system: drawing a key and a nonce by themselves costs six.
enum RandomOctets {
    static let nonce = 12
    private static let key = 32

    /// Up to 256 of them.
    static func draw(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { room, initialized in
            if clinux_random(room.baseAddress, count) != 0 {
                var source = SystemRandomNumberGenerator()
                for index in 0..<count { room.initializeElement(at: index, to: source.next()) }
            }
            initialized = count
        }
    }

    /// A new key, and a nonce for it.
    static func drawKey() -> (key: SymmetricKey, nonce: [UInt8]) {
        var octets = draw(key + nonce)
        defer { octets.withUnsafeMutableBytes { octets in octets.baseAddress.map { clinux_wipe($0, key) } } }
        return (octets.withUnsafeBytes { SymmetricKey(data: $0[..<key]) }, Array(octets[key...]))
    }
}

/// Random nonces, drawn many at a time; used by one thread.
struct NonceStock {
    private var octets: [UInt8] = []
    private var used = 0
    private let atOnce: Int

    /// What one draw of 256 octets gives.
    static let most = 21

    /// How many are drawn together: 1 to `most`.
    init(atOnce: Int = 8) { self.atOnce = max(1, min(atOnce, NonceStock.most)) }

    mutating func next() -> ArraySlice<UInt8> {
        if used == octets.count {
            octets = RandomOctets.draw(atOnce * RandomOctets.nonce)
            used = 0
        }
        used += RandomOctets.nonce
        return octets[(used - RandomOctets.nonce)..<used]
    }
}
