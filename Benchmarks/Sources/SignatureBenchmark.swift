import Conversation
import MailModel
import NIOCore
import SenderTrust

/// What a signature costs to make and to verify, with its keys at hand: the longest pieces of work that an event loop does for a message of 4 KB.
struct SignatureBenchmark {
    private struct Names: Resolver {
        let texts: [String: String]

        func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
            guard type == .txt, let text = texts[name.dotted] else { return DNSAnswer(denial: .noSuchName, isSecure: false, ttl: 0) }
            let octets = Array(text.utf8)
            let strings = stride(from: 0, to: octets.count, by: 255).flatMap { start in
                let piece = octets[start..<min(start + 255, octets.count)]
                return [UInt8(piece.count)] + piece
            }
            return DNSAnswer(records: [strings], isSecure: false, ttl: 0)
        }
    }

    private static let now = Timestamp(rawValue: 1_800_000_000)

    func run(_ measure: Measure) async throws {
        guard let domain = Domain("example.org") else { return }
        let message = StoreBenchmark.message(octets: 4_096)
        for algorithm in DKIMAlgorithm.allCases {
            let key = try DKIMKey.generate(algorithm)
            let names = Names(texts: ["s._domainkey.example.org": key.record])
            func sign(_ text: ByteBuffer) throws -> ByteBuffer {
                var signer = DKIMSigner(domain: domain, keys: [(selector: "s", key: key)], at: Self.now)
                signer.take(text)
                return ByteBuffer(bytes: try signer.finish())
            }
            try await measure.rate("sign: 4 KB, \(algorithm.rawValue)", "signatures") {
                for _ in 0..<500 { _ = try sign(message) }
                return 500
            }
            var signed = message
            for count in [1, 10] {
                signed = message
                for _ in 0..<count {
                    var fields = try sign(message)
                    fields.writeImmutableBuffer(signed)
                    signed = fields
                }
                try await measure.rate("verify: 4 KB, \(count) × \(algorithm.rawValue)", "messages") {
                    for _ in 0..<200 {
                        var observer = SignatureObserver()
                        observer.take(signed)
                        observer.finish()
                        let verdicts = await observer.dkim(resolver: names, now: Self.now)
                        guard verdicts.count == count, verdicts.allSatisfy({ $0.result == .pass }) else { throw Unexpected() }
                    }
                    return 200
                }
            }
            try await chain(measure, key, names, message, domain)
        }
    }

    /// The longest chain that there is.
    private func chain(_ measure: Measure, _ key: DKIMKey, _ names: Names, _ message: ByteBuffer, _ domain: Domain) async throws {
        var sealed = message
        for hop in 0..<50 {
            var sealer = ARCSealer(
                domain: domain, selector: "s", key: key, authenticationResults: "mx.example.org; spf=pass", chain: ARCVerdict(hop == 0 ? .none : .pass),
                at: Self.now)
            sealer.take(sealed)
            var fields = ByteBuffer(bytes: try sealer.finish())
            fields.writeImmutableBuffer(sealed)
            sealed = fields
        }
        try await measure.rate("verify: a chain of 50, \(key.algorithm.rawValue)", "messages") {
            for _ in 0..<20 {
                var observer = SignatureObserver()
                observer.take(sealed)
                observer.finish()
                guard await observer.arc(resolver: names, now: Self.now).result == .pass else { throw Unexpected() }
            }
            return 20
        }
    }

    private struct Unexpected: Error {}
}
