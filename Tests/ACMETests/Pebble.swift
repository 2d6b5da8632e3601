import Conversation
import Crypto
import Foundation
import MailModel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Rehearsal
import Synchronization
import Testing
import Transport
import X509

@testable import ACME

/// Pebble, a CA of strangers' for tests, with a name server that says 127.0.0.1 to everything, on ports of their own; and the servers of ours where it looks.
final class Pebble: Sendable {
    static let path = "/usr/bin/pebble"
    static let namesPath = "/usr/bin/pebble-challtestsrv"
    static var isThere: Bool {
        [path, namesPath].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
    }

    let directory: ResourceURL
    let transport: Carrier
    let http = HTTPChallenges()
    let tls = TLSALPNChallenges()
    let hook: Hook
    private let managementPort: Int
    private let processes: [Program]
    private let folder: URL
    private let doors: [any Channel]
    private let threads: Threads

    /// Runs `body` against it, and takes it down.
    static func with(
        _ environment: [String: String], _ body: (Pebble) async throws -> Void
    )
        async throws
    {
        let pebble = try await Pebble(environment)
        do { try await body(pebble) } catch {
            await pebble.end()
            throw error
        }
        await pebble.end()
    }

    private init(_ environment: [String: String]) async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "pebble-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let certificate = try Identity()
        try certificate.leaf.write(
            to: folder.appending(path: "c.pem"), atomically: true, encoding: .utf8)
        try certificate.key.write(
            to: folder.appending(path: "k.pem"), atomically: true, encoding: .utf8)
        let (http, tls) = (http, tls)
        let web = try await Pebble.bind { channel in
            try channel.pipeline.syncOperations.configureHTTPServerPipeline()
            try channel.pipeline.syncOperations.addHandler(Answerer(http))
        }
        let secure = try await Pebble.bind { channel in
            let shown = try #require(tls.certificate(for: Pebble.alpnName))
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(shown.certificatePEM.utf8)).map {
                    .certificate($0)
                },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(shown.keyPEM.utf8), format: .pem))
            )
            configuration.applicationProtocols = [TLSALPNChallenges.protocolName]
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLServerHandler(context: NIOSSLContext(configuration: configuration)))
        }
        doors = [web, secure]
        let ports = try await Pebble.freePorts(4)
        managementPort = ports[1]
        hook = Hook(port: ports[3])
        let setting =
            #"{"pebble":{"listenAddress":"127.0.0.1:\#(ports[0])","managementListenAddress":"127.0.0.1:\#(ports[1])","certificate":"c.pem","privateKey":"k.pem","httpPort":\#(web.localAddress?.port ?? 0),"tlsPort":\#(secure.localAddress?.port ?? 0)}}"#
        try setting.write(to: folder.appending(path: "p.json"), atomically: true, encoding: .utf8)
        let names = try Program(
            Pebble.namesPath,
            [
                "-dns01", "127.0.0.1:\(ports[2])", "-management", "127.0.0.1:\(ports[3])", "-http01", "",
                "-https01", "", "-tlsalpn01", "", "-defaultIPv6", "",
            ], [:], folder)
        let pebble = try Program(
            Pebble.path, ["-config", "p.json", "-strict", "-dnsserver", "127.0.0.1:\(ports[2])"],
            environment, folder)
        processes = [names, pebble]
        try await names.hear("Starting management server")
        try await pebble.hear("ACME directory available")
        directory = try #require(ResourceURL("https://localhost:\(ports[0])/dir"))
        threads = Threads(count: 1)
        let table = NameTable()
        try table.setAddresses(of: "localhost", ["127.0.0.1"])
        transport = Carrier(
            client: HTTPSClient(
                table, try StreamDialler(threads: threads, authorities: certificate.root), HTTPSClient.Setting(.named(allowsPrivate: true)))
        )
    }

    static let alpnName = "alpn.example.test"

    /// The root of what it issues, in PEM.
    func root() async throws -> String {
        let url = try #require(ResourceURL("https://localhost:\(managementPort)/roots/0"))
        let reply = try await transport.send(
            ACMERequest(method: .get, url: url, fields: [], content: ByteBuffer(), mostOctets: 10_000))
        return String(buffer: reply.content)
    }

    private func end() async {
        for process in processes { process.end() }
        for door in doors { door.close(promise: nil) }
        // try?: nothing of the test hangs on it.
        try? await threads.shutDown()
        // try?: it is in the folder of what is temporary.
        try? FileManager.default.removeItem(at: folder)
    }

    private static func bind(
        _ prepare: @escaping @Sendable (any Channel) throws -> Void
    ) async throws
        -> any Channel
    {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try prepare(channel) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private static func freePorts(_ count: Int) async throws -> [Int] {
        var doors: [any Channel] = []
        for _ in 0..<count { doors.append(try await bind { _ in }) }
        let ports = doors.compactMap { $0.localAddress?.port }
        for door in doors { try await door.close().get() }
        try #require(ports.count == count)
        return ports
    }

    /// What it shows to clients, and who vouches for that.
    private struct Identity {
        let root: String
        let leaf: String
        let key: String

        init() throws {
            let (authority, own) = (Certificate.PrivateKey(P256.Signing.PrivateKey()), Certificate.PrivateKey(P256.Signing.PrivateKey()))
            let issuer = try DistinguishedName { CommonName("An authority for tests") }
            func certificate(_ key: Certificate.PublicKey, _ subject: DistinguishedName, _ extensions: Certificate.Extensions) throws -> String {
                try Certificate(
                    version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key, notValidBefore: Date(timeIntervalSinceNow: -3_600),
                    notValidAfter: Date(timeIntervalSinceNow: 86_400), issuer: issuer, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
                    extensions: extensions, issuerPrivateKey: authority
                ).serializeAsPEM().pemString + "\n"
            }
            root = try certificate(
                authority.publicKey, issuer,
                try Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(keyCertSign: true))
                })
            leaf = try certificate(
                own.publicKey, try DistinguishedName { CommonName("localhost") },
                try Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    try ExtendedKeyUsage([.serverAuth])
                    SubjectAlternativeNames([.dnsName("localhost")])
                })
            key = try own.serializeAsPEM().pemString + "\n"
        }
    }

    /// HTTP of `Transport` as a CA's client has it.
    struct Carrier: ACMETransport {
        let client: HTTPSClient

        func send(_ request: ACMERequest) async throws -> ACMEReply {
            var fields = HTTPFields()
            for field in request.fields { fields.add(parsed: field.name, field.value) }
            let method = try #require(WebRequest.Method(rawValue: request.method.rawValue))
            let reply = try await client.fetch(
                WebRequest(
                    method, host: try #require(WebRequest.Host(request.url.host)), port: request.url.port, path: request.url.path, fields: fields,
                    content: request.content, mostOctets: request.mostOctets, patience: .seconds(60)))
            return ACMEReply(status: reply.status, fields: reply.fields.list.map { ($0.name, $0.value) }, content: reply.content)
        }
    }

    /// Changes the zone of the name server.
    struct Hook: HookCommand {
        let port: Int

        func run(_ arguments: [String], environment: [String: String]) async throws {
            guard arguments.count == 3 else { throw HookFault("\(arguments.count) arguments") }
            let path = arguments[0] == "add" ? "/set-txt" : "/clear-txt"
            let content = #"{"host":"\#(arguments[1]).","value":"\#(arguments[2])"}"#
            let (words, mouth) = AsyncStream.makeStream(of: String.self)
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Listener(mouth))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
            let text =
                "POST \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)"
            try await channel.writeAndFlush(ByteBuffer(string: text)).get()
            var answer = ""
            for await word in words { answer += word }
            guard answer.hasPrefix("HTTP/1.1 200") else {
                throw HookFault("the name server says \(answer.prefix(60))")
            }
        }
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let mouth: AsyncStream<String>.Continuation
        init(_ mouth: AsyncStream<String>.Continuation) { self.mouth = mouth }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            mouth.yield(String(buffer: unwrapInboundIn(data)))
        }
        func channelInactive(context: ChannelHandlerContext) { mouth.finish() }
    }

    /// What the server of port 80 has to do.
    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let http: HTTPChallenges
        init(_ http: HTTPChallenges) { self.http = http }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .head(let head) = unwrapInboundIn(data) else { return }
            let content = http.content(of: head.uri)
            let fields: HTTPHeaders = [
                "Content-Type": HTTPChallenges.mediaType, "Content-Length": "\(content?.utf8.count ?? 0)",
                "Connection": "close",
            ]
            context.write(
                wrapOutboundOut(
                    .head(.init(version: .http1_1, status: content == nil ? .notFound : .ok, headers: fields))
                ), promise: nil)
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: content ?? "")))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            context.close(promise: nil)
        }
    }
}

/// A program that is run beside the test, and whose words are heard.
final class Program: Sendable {
    private let process: Mutex<Process>
    private let words: AsyncStream<String>
    private let heard = Mutex("")

    struct Silence: Error { let heard: String }

    init(_ path: String, _ arguments: [String], _ environment: [String: String], _ folder: URL) throws {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = folder
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        let (words, mouth) = AsyncStream.makeStream(of: String.self)
        pipe.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                mouth.finish()
            } else {
                mouth.yield(String(decoding: data, as: UTF8.self))
            }
        }
        try process.run()
        self.words = words
        self.process = Mutex(process)
    }

    /// Returns when it has said that.
    func hear(_ text: String) async throws {
        for await word in words {
            let all = heard.withLock { heard in
                heard += word
                return heard
            }
            if all.contains(text) { return }
        }
        throw Silence(heard: heard.withLock { $0 })
    }

    func end() {
        process.withLock { process in
            process.terminate()
            process.waitUntilExit()
        }
    }
}
