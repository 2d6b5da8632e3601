import Conversation
import MailModel
import PostOffice
import Synchronization

/// A resolver that writes down what it is asked and what came.
final class WatchedResolver: Resolver {
    private let source: any Resolver
    private let lines = Mutex<[String]>([])

    init(_ source: any Resolver) { self.source = source }

    /// In the order in which the answers came.
    var steps: [CheckReport.Step] { lines.withLock { $0 }.map { CheckReport.Step(depth: 0, text: $0) } }

    func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        do {
            let answer = try await source.rdata(type, of: name)
            let proof = answer.isSecure ? ", proved by DNSSEC" : ""
            write("\(type) of \(name): \(WatchedResolver.words(answer.records.map { Self.word(type, $0) }, answer.denial))\(proof)")
            return answer
        } catch let fault as ResolverFault {
            write("\(type) of \(name): \(fault.words)")
            throw fault
        }
    }

    /// What an answer says, for people.
    static func words(_ records: [String], _ denial: DNSDenial?) -> String {
        switch denial {
        case .noSuchName?: "there is no such name"
        case .noRecords?: "there is no such record"
        case nil: records.joined(separator: ", ")
        }
    }

    private func write(_ line: String) { lines.withLock { $0.append(line) } }

    private static func word(_ type: RecordType, _ octets: [UInt8]) -> String {
        let word: String? =
            switch type {
            case .a: RecordData.address(octets, .ipv4)?.description
            case .aaaa: RecordData.address(octets, .ipv6)?.description
            case .mx: RecordData.mailExchanger(octets).map { "\($0.preference) \($0.host?.value ?? ".")" }
            case .txt: RecordData.text(octets).map { "\"\($0)\"" }
            case .tlsa: RecordData.tlsa(octets)?.description
            case .cname, .ptr, .ns: DNSName(octets: octets)?.value
            default: nil
            }
        return word ?? "\(octets.count) octets"
    }
}
