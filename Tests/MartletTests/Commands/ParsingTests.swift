import ArgumentParser
import Testing

@testable import martlet

@Suite struct ParsingTests {
    @Test(
        "every command of the issue is there: §1",
        arguments: [
            "serve", "init", "config check", "config reference", "domain add example.org", "domain list",
            "domain remove example.org",
            "account add a@example.org", "account list", "account enable a@example.org",
            "account disable a@example.org", "account password a@example.org",
            "account remove a@example.org", "message inspect file", "queue list", "queue list --domain example.org --json", "queue show 65536",
            "trace <a@example.org>", "tls-report show", "tls-report show --domain example.org --failing --json",
            "reports", "reports --domain example.org --days 7 --json", "reports dmarc --failing", "reports tls --json",
            "queue retry --all", "queue hold 1 2", "queue release --state held", "queue cancel --sender a@example.org", "queue bounce --older-than 2d",
            "store check", "store compact", "store status", "metrics", "metrics show", "metrics failures --json", "metrics reference", "version",
        ])
    func commands(_ line: String) throws {
        let command = try Martlet.parseAsRoot(line.split(separator: " ").map(String.init))
        #expect(!(command is Martlet))
    }

    @Test(
        "--help is everywhere",
        arguments: [
            "", "serve", "init", "config", "config check", "config reference", "domain", "domain add", "domain list",
            "domain remove", "account", "account add",
            "account list", "account enable", "account disable", "account password", "account remove", "message",
            "message inspect", "queue", "queue list", "queue show", "queue retry", "queue bounce", "trace", "tls-report", "tls-report show", "reports",
            "reports dmarc", "reports tls", "store",
            "store check", "store compact", "store status", "metrics", "metrics show", "metrics failures", "metrics reference", "version",
        ])
    func help(_ line: String) {
        let words = line.split(separator: " ").map(String.init) + ["--help"]
        do {
            var command = try Martlet.parseAsRoot(words)
            try command.run()
            Issue.record("no help for \(line)")
        } catch {
            #expect(Martlet.exitCode(for: error) == .success)
            #expect(Martlet.fullMessage(for: error).contains("USAGE: martlet"))
        }
    }

    @Test(
        "what is no command ends with 64",
        arguments: [
            "queue cancel", "queue cancel 1 --all", "queue hold x", "queue list --older-than soon", "queue list --state new", "queue list --domain a..b",
            "tls-report show --domain a..b", "reports --domain a..b", "reports --days 0",
            "account", "srve", "account add", "account add a --pasword-stdin", "serve now", "store check --json=1",
        ])
    func mistakes(_ line: String) {
        guard line != "account" else { return }
        do {
            _ = try Martlet.parseAsRoot(line.split(separator: " ").map(String.init))
            Issue.record("\(line) was taken")
        } catch {
            #expect(Martlet.exitCode(for: error) == .validationFailure)
        }
    }

    @Test("--data and --set become values over all others")
    func options() throws {
        let command = try #require(
            try Martlet.parseAsRoot([
                "serve", "--data", "/d", "--set", "limits.recipients=500", "--set", "hostname=a=b",
            ]) as? Serve)
        let options = try command.options.reader().options
        #expect(options.map(\.key) == ["data", "limits.recipients", "hostname"])
        #expect(options.map(\.value) == ["/d", "500", "a=b"])
    }

    @Test("random passwords differ, and hold 100 bits")
    func randomPasswords() {
        let made = Set((0..<100).map { _ in RandomPassword.make() })
        #expect(made.count == 100)
        #expect(made.allSatisfy { $0.count == 23 })
    }
}
