import Foundation
import NIOCore
import Testing

@testable import Transport

/// What only shows in a process of its own. One at a time: Swift Testing holds threads of the pool while it waits for a child.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ProcessTests {
    /// Resident memory of this process in KiB.
    private static func resident() throws -> Int {
        let words = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(words[1])) * 4
    }

    /// A blocking connection that costs no memory but the kernel's, after it read the greeting and the answer to a command.
    private static func connect(_ port: Int) throws -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in(
            sin_family: sa_family_t(AF_INET), sin_port: in_port_t(port).bigEndian, sin_addr: in_addr(s_addr: UInt32(0x7F00_0001).bigEndian),
            sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, 16) }
        }
        try #require(connected == 0)
        var buffer = [UInt8](repeating: 0, count: 512)
        try #require(read(socket, &buffer, 512) > 0)
        let line = Array(("ECHO " + String(repeating: "x", count: 80) + "\n").utf8)
        try #require(write(socket, line, line.count) == line.count)
        try #require(read(socket, &buffer, 512) > 0)
        return socket
    }

    @Test("2,000 connections that wait cost at most 8 KiB each")
    func idle() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try await Stage.with { stage in
                let warm = try (0..<50).map { _ in try Self.connect(stage.port) }
                let before = try Self.resident()
                let sockets = try (0..<2_000).map { _ in try Self.connect(stage.port) }
                let each = Double(try Self.resident() - before) / 2_000
                print("an idle plain connection: \(each) KiB resident")
                #expect(each <= 8)
                for socket in warm + sockets { close(socket) }
            }
        }
        show(result)
    }

    @Test("500 connections that wait in TLS cost at most 35 KiB each")
    func idleTLS() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try await Stage.with(security: .implicitTLS(Stage.shelf())) { stage in
                func connect() async throws -> Client {
                    let client = try await Client.connect(stage.port, tls: trusting())
                    _ = await client.line()
                    try await client.send("ECHO x\n")
                    _ = await client.line()
                    return client
                }
                var clients: [Client] = []
                for _ in 0..<50 { clients.append(try await connect()) }
                let before = try Self.resident()
                for _ in 0..<500 { clients.append(try await connect()) }
                // Both ends live in this process.
                let each = Double(try Self.resident() - before) / 500 / 2
                print("an idle TLS connection: about \(each) KiB resident")
                #expect(each <= 35)
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
            try await Stage.with { stage in
                _ = try await Client.connect(stage.port).line()
                var fillers: [Int32] = []
                while case let copy = dup(0), copy >= 0 { fillers.append(copy) }
                close(fillers.removeLast())
                // The last descriptor goes to the client: none is left to accept it with.
                let client = try await Client.connect(stage.port)
                let before = Glibc.clock()
                try await client.channel.eventLoop.scheduleTask(in: .milliseconds(500)) {}.futureResult.get()
                let used = Double(Glibc.clock() - before) / Double(CLOCKS_PER_SEC)
                print("without descriptors: \(used) s of CPU in 0.5 s")
                #expect(used < 0.1)
                fillers.forEach { close($0) }
                let greeting = await client.line()
                print("then: \(greeting ?? "closed")")
                #expect(greeting == "* HELLO 127.0.0.1 plain -")
            }
        }
        show(result)
    }

    private func show(_ result: ExitTest.Result?) {
        print(
            String(decoding: result?.standardOutputContent ?? [], as: UTF8.self).split(separator: "\n").filter {
                $0.contains("KiB") || $0.contains("descriptors")
            })
    }
}
