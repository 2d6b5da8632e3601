import Conversation
import Foundation
import MailModel
import Testing

@testable import Transport

/// A signed zone, the same forged, and a plain one, served by nsd and signed with ldns.
@Suite("DNSSEC: RFC 4033 §5", .enabled(if: SignedZones.tools != nil, "nsd and ldnsutils are not installed"), .timeLimit(.minutes(20)))
struct DNSSECTests {
    @Test("proved, forged and unsigned names are told apart, denials too; what is forged is never an answer")
    func security() async throws {
        try await SignedZones.with { setting in
            let resolver = try UnboundResolver(setting)
            func ask(_ name: String, _ type: RecordType = .a) async throws -> DNSAnswer<[UInt8]> {
                try await resolver.rdata(type, of: #require(Domain(name)))
            }
            let secure = try await ask("mail.signed.example")
            #expect(secure.isSecure && secure.records == [[192, 0, 2, 1]])
            let exchangers = try await resolver.mailExchangers(of: #require(Domain("signed.example")))
            #expect(exchangers.isSecure && exchangers.records.map(\.host?.value) == ["mail.signed.example"])
            let tlsa = try await ask("_25._tcp.mail.signed.example", .tlsa)
            #expect(tlsa.isSecure && tlsa.records.first?.prefix(3) == [3, 1, 1] && tlsa.records.first?.count == 35)
            let alias = try await ask("alias.signed.example")
            #expect(alias.isSecure && alias.canonicalName?.value == "mail.signed.example")
            let outside = try await ask("outside.signed.example")
            #expect(!outside.isSecure && outside.canonicalName?.value == "mail.plain.example" && outside.records == [[192, 0, 2, 1]])
            let none = try await ask("mail.signed.example", .aaaa)
            #expect(none.isSecure && none.denial == .noRecords)
            let gone = try await ask("gone.signed.example")
            #expect(gone.isSecure && gone.denial == .noSuchName)

            let plain = try await ask("mail.plain.example")
            #expect(!plain.isSecure && plain.records == [[192, 0, 2, 1]])
            let plainGone = try await ask("_25._tcp.mail.plain.example", .tlsa)
            #expect(!plainGone.isSecure && plainGone.denial == .noSuchName)

            let fault = try #require(await #expect(throws: ResolverFault.self) { _ = try await ask("mail.bogus.example") })
            if case .bogus(let reason) = fault { #expect(!reason.isEmpty) } else { Issue.record("\(fault)") }
            #expect(await resolver.probe("signed.example", .ns) == .validating)
            #expect(await resolver.probe("plain.example", .ns) == .notValidating)
            await resolver.close()
        }
    }

    @Test("without an anchor nothing is proved, and nothing forged")
    func noAnchor() async throws {
        try await SignedZones.with { setting in
            var setting = setting
            setting.anchor = .none
            let resolver = try UnboundResolver(setting)
            for name in ["mail.signed.example", "mail.bogus.example"] {
                #expect(try await !resolver.rdata(.a, of: #require(Domain(name))).isSecure)
            }
            await resolver.close()
        }
    }

    @Test("the cache keeps what was proved, and what was not")
    func cached() async throws {
        try await SignedZones.with { setting in
            let resolver = try UnboundResolver(setting)
            let cache = CachedResolver(resolver)
            for _ in 0..<2 {
                #expect(try await cache.rdata(.a, of: #require(Domain("mail.signed.example"))).isSecure)
                #expect(try await !cache.rdata(.a, of: #require(Domain("mail.plain.example"))).isSecure)
            }
            await resolver.close()
        }
    }
}

/// Three zones in a folder of their own, and a server for them on a free port.
enum SignedZones {
    struct Tools: Sendable {
        let keygen: String
        let sign: String
        let server: String
    }

    struct Fault: Error {
        let what: String
    }

    static let tools: Tools? = {
        func find(_ name: String) -> String? {
            ["/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/"].map { $0 + name }.first { FileManager.default.isExecutableFile(atPath: $0) }
        }
        guard let keygen = find("ldns-keygen"), let sign = find("ldns-signzone"), let server = find("nsd") else { return nil }
        return Tools(keygen: keygen, sign: sign, server: server)
    }()

    static func with(_ body: (ResolverSetting) async throws -> Void) async throws {
        guard let tools else { throw Fault(what: "no tools") }
        let folder = FileManager.default.temporaryDirectory.appending(path: "martlet-zones-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var anchors = ""
        for zone in ["signed.example", "bogus.example"] { anchors += try await sign(zone, in: folder, tools) }
        try write(text("plain.example"), folder.appending(path: "plain.example.signed"))
        // The first of its records says what its signature does not.
        let bogus = folder.appending(path: "bogus.example.signed")
        try write(String(contentsOf: bogus, encoding: .utf8).replacingOccurrences(of: "192.0.2.1", with: "192.0.2.66"), bogus)
        try write(anchors, folder.appending(path: "anchors"))
        let server = try await start(in: folder, tools)
        let result: Result<Void, any Error>
        do {
            result = .success(try await serve(folder, server.port, body))
        } catch {
            result = .failure(error)
        }
        // What a process started here would not hear: the thread that starts it blocks signals, and it inherits that.
        kill(server.process, SIGKILL)
        for await _ in server.log {}
        try result.get()
    }

    private static func serve(_ folder: URL, _ port: Int, _ body: (ResolverSetting) async throws -> Void) async throws {
        guard let loopback = IPAddress("127.0.0.1") else { throw Fault(what: "no address") }
        var setting = ResolverSetting()
        setting.anchor = .file(folder.appending(path: "anchors").path())
        setting.asksLoopback = true
        setting.patience = .seconds(300)
        setting.stubs = ["signed.example", "bogus.example", "plain.example"].compactMap { Domain($0) }
            .map { .init(zone: $0, servers: [.init(loopback, port: port)]) }
        try await body(setting)
    }

    private static func text(_ zone: String) -> String {
        """
        $ORIGIN \(zone).
        $TTL 300
        @ IN SOA ns.\(zone). h.\(zone). 1 3600 600 86400 60
        @ IN NS ns
        @ IN MX 10 mail
        ns IN A 127.0.0.1
        mail IN A 192.0.2.1
        alias IN CNAME mail
        outside IN CNAME mail.plain.example.
        \(zone == "plain.example" ? "" : "_25._tcp.mail IN TLSA 3 1 1 \(String(repeating: "0", count: 64))")

        """
    }

    private static func write(_ text: String, _ file: URL) throws { try text.write(to: file, atomically: true, encoding: .utf8) }

    /// Its key, as an anchor.
    private static func sign(_ zone: String, in folder: URL, _ tools: Tools) async throws -> String {
        let file = folder.appending(path: zone + ".zone")
        try write(text(zone), file)
        let keySigning = try await run(tools.keygen, ["-a", "ECDSAP256SHA256", "-k", zone], in: folder)
        let zoneSigning = try await run(tools.keygen, ["-a", "ECDSAP256SHA256", zone], in: folder)
        _ = try await run(tools.sign, ["-n", "-f", zone + ".signed", zone + ".zone", keySigning, zoneSigning], in: folder)
        return try String(contentsOf: folder.appending(path: keySigning + ".key"), encoding: .utf8)
    }

    /// What it prints, when it has ended well.
    private static func run(_ path: String, _ arguments: [String], in folder: URL) async throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardOutput = output
        let ended = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { ended.continuation.yield($0.terminationStatus) }
        try process.run()
        for await status in ended.stream {
            guard status == 0 else { throw Fault(what: "\(path): \(status)") }
            break
        }
        return String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Returns when it says that it has started; another port is tried where one is taken meanwhile.
    private static func start(in folder: URL, _ tools: Tools) async throws -> (process: Int32, port: Int, log: AsyncStream<String>) {
        for _ in 0..<10 {
            let port = try freePort()
            let zones = ["signed.example", "bogus.example", "plain.example"].map { "zone:\n  name: \($0)\n  zonefile: \($0).signed\n" }.joined()
            try write(
                """
                server:
                  ip-address: 127.0.0.1@\(port)
                  username: ""
                  chroot: ""
                  zonesdir: "\(folder.path())"
                  pidfile: ""
                  database: ""
                  xfrdfile: ""
                  zonelistfile: "\(folder.path())/zone.list"
                  server-count: 1
                remote-control:
                  control-enable: no
                \(zones)
                """, folder.appending(path: "nsd.conf"))
            let process = Process()
            let log = Pipe()
            process.executableURL = URL(filePath: tools.server)
            process.arguments = ["-d", "-c", folder.appending(path: "nsd.conf").path()]
            process.standardError = log
            process.standardOutput = log
            let lines = AsyncStream.makeStream(of: String.self)
            log.fileHandleForReading.readabilityHandler = { handle in
                let data = handle.availableData
                if data.isEmpty { handle.readabilityHandler = nil }
                lines.continuation.yield(String(decoding: data, as: UTF8.self))
            }
            process.terminationHandler = { _ in lines.continuation.finish() }
            try process.run()
            var said = ""
            for await part in lines.stream {
                said += part
                if said.contains("nsd started") { return (process.processIdentifier, port, lines.stream) }
            }
        }
        throw Fault(what: "nsd does not start")
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        guard port else { throw Fault(what: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
