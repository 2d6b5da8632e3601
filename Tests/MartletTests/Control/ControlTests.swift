import Glibc
import Logging
import Testing
import Threading

@testable import martlet

/// What `body` answers, on a thread that may block: the cooperative pool must stay free for the server's answers.
private func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        do {
            try BlockingThread.start("test") { continuation.resume(with: Result { try body() }) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}

private func give(_ order: Order, at path: String) async throws -> OrderResult? {
    try await blocking { try ControlClient(path: path).give(order) }
}

@Suite struct ControlTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func echo(_ order: Order, by user: Int64) async -> OrderResult {
        if case .limits(.unban) = order { return .advice(text: "\(user)") }
        if case .addDomain(let name, _) = order { return .domains(lines: [DomainLine(name: name, aliasOf: nil)]) }
        if case .addAccount(_, let password) = order { return .advice(text: password) }
        return .done
    }

    @Test("an order goes in and its answer comes back; the socket is 0600")
    func order() async throws {
        let path = folder.path + "/control.sock"
        let server = try ControlServer(path: path, log: log, carryOut: echo)
        defer { server.stop() }
        var facts = stat()
        #expect(stat(path, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
        #expect(try await give(.addDomain(name: "a\nb\u{0}ü", target: nil), at: path) == .domains(lines: [DomainLine(name: "a\nb\u{0}ü", aliasOf: nil)]))
        let long = String(repeating: "p", count: 100_000)
        #expect(try await give(.addAccount(name: "x", password: long), at: path) == .advice(text: long))
    }

    @Test("who carries an order out is told by whom it is")
    func user() async throws {
        let path = folder.path + "/control.sock"
        let server = try ControlServer(path: path, log: log, carryOut: echo)
        defer { server.stop() }
        #expect(try await give(.limits(order: .unban(network: "192.0.2.1")), at: path) == .advice(text: "\(geteuid())"))
    }

    @Test("a path longer than a socket's address is no trouble")
    func longPath() async throws {
        var path = folder.path
        for _ in 0..<3 {
            path += "/" + String(repeating: "d", count: 80)
            #expect(mkdir(path, 0o700) == 0)
        }
        let server = try ControlServer(path: path + "/control.sock", log: log, carryOut: echo)
        defer { server.stop() }
        #expect(try await give(.listDomains, at: path + "/control.sock") == .done)
    }

    @Test("where no server listens there is no answer")
    func noServer() async throws {
        #expect(try await give(.listDomains, at: folder.path + "/control.sock") == nil)
        let path = folder.path + "/stopped.sock"
        try ControlServer(path: path, log: log, carryOut: echo).stop()
        #expect(try await give(.listDomains, at: path) == nil)
    }

    @Test(
        "what is no order is refused, and the next one is served",
        arguments: ["\n", "{}\n", "nonsense\n", "{\"removeEverything\":{}}\n", "\u{FF}\n"])
    func nonsense(_ line: String) async throws {
        let path = folder.path + "/control.sock"
        let server = try ControlServer(path: path, log: log, carryOut: echo)
        defer { server.stop() }
        let answer = try await blocking {
            let socket = try ControlSocket.make()
            defer { close(socket) }
            try ControlSocket.withAddress(of: path) { address, length in
                guard connect(socket, address, length) == 0 else { throw SystemFault("connect to", path) }
            }
            let bytes = Array(line.utf8)
            guard send(socket, bytes, bytes.count, 0) == bytes.count else { throw SystemFault("write", path) }
            return try ControlLine(socket: socket).read(OrderResult.self, patience: 10)
        }
        guard case .refused(let refused) = answer else {
            Issue.record("it was not refused")
            return
        }
        #expect(refused.code == Sysexit.dataError)
        #expect(try await give(.listDomains, at: path) == .done)
    }

    @Test("a line without an end is refused at its bound")
    func endless() async throws {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (reader, writer) = (ends[0], ends[1])
        defer { close(reader) }
        try BlockingThread.start("test") {
            let chunk = [UInt8](repeating: 0x20, count: 1 << 16)
            while send(writer, chunk, chunk.count, Int32(MSG_NOSIGNAL)) > 0 {}
            close(writer)
        }
        await #expect(throws: SystemFault("read", "the control socket", code: EMSGSIZE)) {
            try await blocking { try ControlLine(socket: reader).read(Order.self, patience: 10) }
        }
    }
}
