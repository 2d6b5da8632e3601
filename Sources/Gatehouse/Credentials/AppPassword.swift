package import MailModel

/// A password for one program of its owner: made by the server, shown once, and good only for what it was made for.
///
/// It has 120 random bits, so it is found by a keyed hash: such a login costs no Argon2id.
package struct AppPassword: Hashable, Sendable {
    /// By which its owner names it to have it removed: eight letters and digits.
    package let id: String
    /// What its owner calls it: 1...`longestLabel` characters.
    package let label: String
    package let scope: Scope
    package let created: Timestamp
    /// The first moment at which it is good no more; nil: it does not end.
    package let expires: Timestamp?
    package var lastUse: Use?

    /// What it opens.
    package struct Scope: Hashable, Sendable {
        /// Nil: every one.
        package let protocols: Set<ProtocolName>?
        /// In CIDR notation, as it was typed; nil: from everywhere.
        package let networks: String?

        /// Throws `CredentialFault.network`, and `.protocols` for none at all.
        package init(protocols: Set<ProtocolName>? = nil, networks: String? = nil) throws(CredentialFault) {
            if let protocols, protocols.isEmpty { throw .protocols }
            if let networks {
                do { _ = try NetworkList(networks) } catch { throw .network(error.description) }
            }
            self.protocols = protocols
            self.networks = networks
        }

        /// `peer`: an address as text; what is none is in no network.
        func allows(_ protocolName: ProtocolName, from peer: String) -> Bool {
            if let protocols, !protocols.contains(protocolName) { return false }
            guard let networks else { return true }
            // try?: it was read when it was made; what cannot be read now allows nobody.
            guard let list = try? NetworkList(networks), let address = IPAddress(peer) else { return false }
            return list.contains(address)
        }
    }

    /// When it last opened something.
    package struct Use: Hashable, Sendable {
        package let time: Timestamp
        package let protocolName: ProtocolName
        package let peer: String
    }

    package static let longestLabel = 64
    /// Of one account.
    package static let most = 100

    func isOver(at now: Timestamp) -> Bool { expires.map { now >= $0 } ?? false }
}

/// The secret of an app password: 24 letters and digits, written in groups of four.
struct AppPasswordSecret {
    /// Without the hyphens, in lower case.
    let letters: [UInt8]

    // RFC 4648 §6's alphabet in lower case: nothing in it is mistaken for anything else in it.
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
    /// Five bits each: 120 in all.
    private static let count = 24

    init(random: RandomOctets) {
        letters = random(AppPasswordSecret.count).map { AppPasswordSecret.alphabet[Int($0 & 31)] }
    }

    /// What somebody typed or pasted, with or without the hyphens; nil: it has not the form of one.
    init?(_ password: Password) {
        let typed = password.withOctets { octets in
            octets.count > 2 * AppPasswordSecret.count ? nil : octets.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: " ") }
        }
        guard let typed, typed.count == AppPasswordSecret.count else { return nil }
        letters = typed.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        guard letters.allSatisfy(AppPasswordSecret.alphabet.contains) else { return nil }
    }

    /// `abcd-efgh-…`
    var written: String {
        stride(from: 0, to: letters.count, by: 4).map { String(decoding: letters[$0..<$0 + 4], as: UTF8.self) }.joined(separator: "-")
    }
}
