import Foundation
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import SenderTrust

/// Our half of `Tests/Judges/test_signatures.py`, in the folder that it names: signs what it gives, and judges what others have signed.
///
/// `plain/NAME` → `ours/NAME` (both algorithms) and `sealed/NAME` (a chain of two); `records.json` has the keys' records. `theirs/NAME` with `theirs.json` (records by
/// name) → `verdicts.json`: for each the results of its signatures, from the top, and that of its chain.
@Suite(.enabled(if: SignatureExchange.folder != nil, "Tests/Judges/test_signatures.py asks for it"))
struct SignatureExchangeTests {
    private let now = Timestamp(rawValue: Int64(Date().timeIntervalSince1970))

    private struct Judgement: Codable {
        let dkim: [String]
        let partial: [Bool]
        let arc: String
    }

    private static func messages(_ folder: URL) throws -> [(name: String, octets: [UInt8])] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted().map { ($0, Array(try Data(contentsOf: folder.appending(path: $0)))) }
    }

    @Test("what we sign")
    func signs() async throws {
        let folder = try #require(SignatureExchange.folder)
        let keys = [("r", try DKIMKey.generate(.rsaSHA256)), ("e", try DKIMKey.generate(.ed25519SHA256))]
        let names = NameTable()
        let records = Dictionary(uniqueKeysWithValues: keys.map { ("\($0.0)._domainkey.martlet.example", $0.1.record) })
        for (name, record) in records { try names.setTexts(name, [record]) }
        try JSONEncoder().encode(records).write(to: folder.appending(path: "records.json"))
        let domain = try #require(Domain("martlet.example"))
        for kind in ["ours", "sealed"] { try FileManager.default.createDirectory(at: folder.appending(path: kind), withIntermediateDirectories: true) }
        for (name, octets) in try SignatureExchangeTests.messages(folder.appending(path: "plain")) {
            var signer = DKIMSigner(domain: domain, keys: keys.map { (selector: $0.0, key: $0.1) }, at: now)
            signer.take(ByteBuffer(bytes: octets))
            try Data(try signer.finish() + octets).write(to: folder.appending(path: "ours/\(name)"))
            var sealed = octets
            for (selector, key) in keys.prefix(1) + keys.prefix(1) {
                let chain = await SignatureObserver.over([sealed]).arc(resolver: names, now: now)
                var sealer = ARCSealer(domain: domain, selector: selector, key: key, authenticationResults: "mx.martlet.example; none", chain: chain, at: now)
                sealer.take(ByteBuffer(bytes: sealed))
                sealed = try sealer.finish() + sealed
            }
            try Data(sealed).write(to: folder.appending(path: "sealed/\(name)"))
        }
    }

    @Test("what others signed")
    func judges() async throws {
        let folder = try #require(SignatureExchange.folder)
        let names = NameTable()
        let records = try JSONDecoder().decode([String: String].self, from: try Data(contentsOf: folder.appending(path: "theirs.json")))
        for (name, record) in records { try names.setTexts(name, [record]) }
        var judgements: [String: Judgement] = [:]
        for (name, octets) in try SignatureExchangeTests.messages(folder.appending(path: "theirs")) {
            let observer = SignatureObserver.over([octets])
            let dkim = await observer.dkim(resolver: names, now: now)
            let arc = await observer.arc(resolver: names, now: now)
            judgements[name] = Judgement(dkim: dkim.map(\.result.rawValue), partial: dkim.map(\.isPartial), arc: arc.result.rawValue)
        }
        try JSONEncoder().encode(judgements).write(to: folder.appending(path: "verdicts.json"))
    }
}

enum SignatureExchange {
    static let folder = ProcessInfo.processInfo.environment["MARTLET_SIGNATURE_EXCHANGE"].map { URL(filePath: $0) }
}
