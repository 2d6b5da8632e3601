import ACME
import Glibc
import Testing

@testable import martlet

@Suite("The program that changes a zone for dns-01", .timeLimit(.minutes(2)))
struct HookProgramTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/hook"
    }

    private func write(_ script: String) throws { try TextFile.create(path, "#!/bin/sh\n" + script, mode: 0o700) }

    private func fault(_ hook: HookProgram, _ arguments: [String] = []) async -> String {
        do {
            try await hook.run(arguments, environment: [:])
            return "it went well"
        } catch { return "\(error)" }
    }

    @Test("it has its words, and of our environment nothing")
    func words() async throws {
        setenv("MARTLET_TEST_SECRET", "1", 1)
        try write("echo \"$@\" > \(folder.path)/out; env | cut -d= -f1 | sort | tr '\\n' ' ' >> \(folder.path)/out\n")
        try await HookProgram(path: path).run(["add", "_acme-challenge.example.org", "a b"], environment: ["MARTLET_ACTION": "add"])
        let said = try TextFile.read(folder.path + "/out")
        #expect(said.hasPrefix("add _acme-challenge.example.org a b\n"))
        #expect(said.contains("MARTLET_ACTION") && said.contains("PATH") && !said.contains("MARTLET_TEST_SECRET") && !said.contains("HOME"))
    }

    @Test("why it cannot be run is known before it is: it is not there, is a folder, or may not be executed")
    func problem() throws {
        #expect(HookProgram(path: path).problem == "cannot look at \(path): No such file or directory")
        #expect(HookProgram(path: folder.path).problem == "\(folder.path) is no file")
        try TextFile.create(path, "#!/bin/sh\n", mode: 0o600)
        #expect(HookProgram(path: path).problem == "cannot run \(path): Permission denied")
        _ = chmod(path, 0o700)
        #expect(HookProgram(path: path).problem == nil)
    }

    @Test("what went wrong is told in one line")
    func failing() async throws {
        try write("echo 'no such zone' >&2\necho really\nexit 3\n")
        #expect(await fault(HookProgram(path: path)) == "\(path) ended with status 3: no such zone really")
        #expect(await fault(HookProgram(path: folder.path + "/none")) == "cannot run \(folder.path)/none: No such file or directory")
    }

    @Test("it is ended when its time is over, with what it started")
    func late() async throws {
        try write("sleep 600 &\nsleep 600\n")
        #expect(await fault(HookProgram(path: path, patience: 0)) == "\(path) was ended after 0 seconds")
    }

    @Test("it is ended when nobody waits for it any more")
    func cancelled() async throws {
        try write("mkfifo \(folder.path)/never; : > \(folder.path)/begun; read x < \(folder.path)/never\n")
        let path = path
        let running = Task { try await HookProgram(path: path).run([], environment: [:]) }
        while access(folder.path + "/begun", F_OK) != 0 { await Task.yield() }
        running.cancel()
        await #expect(throws: (any Error).self) { try await running.value }
    }
}
