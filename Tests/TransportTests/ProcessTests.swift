import CMalloc
import Foundation
import Glibc
import Logging
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import Transport

/// What only shows in a process of its own. One at a time: Swift Testing holds threads of the pool while it waits for a child.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ProcessTests {
    /// What this process has allocated and not let go of, in KiB.
    private static func allocated() -> Int {
        let info = mallinfo2()
        return (info.uordblks + info.hblkhd) / 1_024
    }

    /// A blocking connection that costs no memory but the kernel's, after it read the greeting and the answer to a command.
    private static func connect(_ port: Int) throws -> Int32 {
        let plain = try PlainSocket(port)
        plain.send("ECHO " + String(repeating: "x", count: 80) + "\n")
        _ = plain.read()
        return plain.descriptor
    }

    @Test("2,000 connections that wait allocate at most 8 KiB each")
    func idle() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try await Stage.with { stage in
                let warm = try (0..<50).map { _ in try Self.connect(stage.port) }
                let before = Self.allocated()
                let sockets = try (0..<2_000).map { _ in try Self.connect(stage.port) }
                let each = Double(Self.allocated() - before) / 2_000
                print("an idle plain connection: \(each) KiB")
                #expect(each <= 8)
                for socket in warm + sockets { close(socket) }
            }
        }
        show(result)
    }

    @Test("500 connections that wait in TLS allocate at most 80 KiB each, touched or not")
    func idleTLS() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try await Stage.with(security: .implicitTLS(Stage.shelf())) { stage in
                let context = try NIOSSLContext(configuration: trusting())
                func connect() async throws -> Client {
                    let client = try await Client.connect(stage.port, sharing: context)
                    _ = await client.line()
                    try await client.send("ECHO x\n")
                    _ = await client.line()
                    return client
                }
                var clients: [Client] = []
                for _ in 0..<50 { clients.append(try await connect()) }
                let before = Self.allocated()
                for _ in 0..<500 { clients.append(try await connect()) }
                // Both ends live in this process.
                let each = Double(Self.allocated() - before) / 500 / 2
                print("an idle TLS connection: about \(each) KiB")
                #expect(each <= 80)
                let active = clients.filter { $0.channel.isActive }.count
                #expect(active == clients.count)
            }
        }
        show(result)
    }

    @Test("without file descriptors the accept loop neither spins nor dies")
    func descriptors() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 256
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let tries = Tries()
            try await Stage.with(logger: Logger(label: "test") { _ in tries }) { stage in
                _ = try await Client.connect(stage.port).line()
                var fillers: [Int32] = []
                while case let copy = dup(0), copy >= 0 { fillers.append(copy) }
                close(fillers.removeLast())
                // The last descriptor goes to the client: none is left to accept it with.
                let begun = NIODeadline.now()
                let client = try await Client.connect(stage.port)
                while tries.count < 3 { await Task.yield() }
                // One at the beginning and one after each pause, however long all that took.
                let (most, count) = ((NIODeadline.now() - begun).nanoseconds / AcceptPause.length.nanoseconds + 1, tries.count)
                print("without descriptors: \(count) tries to accept, \(most) at most")
                #expect(Int64(count) <= most)
                fillers.forEach { close($0) }
                let greeting = await client.line()
                print("then: \(greeting ?? "closed")")
                #expect(greeting == "* HELLO 127.0.0.1 plain -")
            }
        }
        show(result)
    }

    /// Counts what the listener says, which is that it cannot accept.
    private struct Tries: LogHandler {
        private let told = Told()
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        var count: Int { told.count.load(ordering: .relaxed) }

        private final class Told: Sendable { let count = Atomic(0) }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            if "\(event.message)".hasPrefix("Cannot accept") { told.count.add(1, ordering: .relaxed) }
        }
    }

    private func show(_ result: ExitTest.Result?) {
        print(
            String(decoding: result?.standardOutputContent ?? [], as: UTF8.self).split(separator: "\n").filter {
                $0.contains("KiB") || $0.contains("descriptors")
            })
    }
}
