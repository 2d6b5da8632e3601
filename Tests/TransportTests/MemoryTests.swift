import Foundation
import NIOCore
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(2)))
struct MemoryTests {
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
        print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self).split(separator: "\n").filter { $0.contains("KiB") })
    }
}
