import Glibc
import Logging
import Testing

@testable import martlet

@Suite struct LogLineTests {
    private let time = timespec(tv_sec: 1_795_307_700, tv_nsec: 42_000_000)

    private func line(
        _ format: LogLine.Format, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata = [:]
    ) -> String {
        String(decoding: LogLine(format: format).line(level, message, metadata, at: time), as: UTF8.self)
    }

    @Test("a line has its level in brackets before the message: S74, S75, S76")
    func text() {
        #expect(
            line(.text, .info, "Successful IMAP login for user: alice", ["peer": "192.0.2.1", "a": "b c"])
                == "2026-11-22T00:35:00.042Z [INFO] Successful IMAP login for user: alice a=\"b c\" peer=192.0.2.1\n")
        #expect(
            line(.text, .warning, "Failed POP3 login attempt for user: bob").contains(
                "[WARN] Failed POP3 login attempt for user: bob\n"))
        #expect(
            line(.text, .error, "Authentication error: InvalidCredentials").contains(
                "[ERROR] Authentication error: InvalidCredentials\n"))
    }

    @Test(
        "a value that could be taken for another is in quotes, which it cannot leave",
        arguments: [
            ("x peer=9.9.9.9", #""x peer=9.9.9.9""#), ("x\" peer=9.9.9.9", #""x\" peer=9.9.9.9""#), (#"x\" peer=9.9.9.9"#, #""x\\\" peer=9.9.9.9""#),
            ("a=b", "\"a=b\""), ("", "\"\""), ("x\u{A0}y", "\"x\u{A0}y\""), ("2001:db8::1", "2001:db8::1"), ("(1)/[2],3", "(1)/[2],3"),
        ])
    func values(_ value: String, _ written: String) {
        #expect(line(.text, .info, "Made", ["a": "\(value)", "peer": "192.0.2.1"]).hasSuffix(" [INFO] Made a=\(written) peer=192.0.2.1\n"))
    }

    @Test("JSON lines are objects with the metadata's names: S23")
    func json() {
        #expect(
            line(.json, .warning, "say \"no\"\\", ["peer": "192.0.2.1", "time": "x"])
                == #"{"time":"2026-11-22T00:35:00.042Z","level":"warn","message":"say \"no\"\\","peer":"192.0.2.1","_time":"x"}"#
                + "\n")
    }

    @Test("nothing in a message or its metadata begins a line of its own", arguments: [LogLine.Format.text, .json])
    func oneLine(_ format: LogLine.Format) {
        let nasty = "x\r\n[INFO] Successful IMAP login for user: root\u{2028}\u{85}\u{1B}[2J\u{202E}"
        let made = line(format, .info, nasty, ["a": "\(nasty)"])
        #expect(
            made.unicodeScalars.filter {
                $0.value < 0x20 || $0.value == 0x2028 || $0.value == 0x85 || $0.value == 0x202E
            } == ["\n"])
        #expect(made.hasSuffix("\n"))
    }

    @Test("a line's length is bounded, whatever is in it", arguments: [LogLine.Format.text, .json])
    func bounded(_ format: LogLine.Format) {
        for part in ["x", "ü", "\u{0}", "😀", "\""] {
            let long = String(repeating: part, count: 100_000)
            let made = LogLine(format: format).line(.info, long, ["a": "\(long)", "b": "\(long)"], at: time)
            #expect(made.count <= 2 * LogLine.longest)
            #expect(String(validating: made, as: UTF8.self) != nil)
        }
    }
}

@Suite struct LogWriterTests {
    @Test("lines are in the file in order; after a move the next go into a new file: S100")
    func rotation() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/log"
        let writer = try LogWriter(path: path)
        for number in 0..<1000 { writer.write(Array("\(number)\n".utf8)) }
        writer.flush()
        #expect(try TextFile.read(path) == (0..<1000).map { "\($0)\n" }.joined())
        rename(path, path + ".1")
        try writer.reopen()
        writer.write(Array("new\n".utf8))
        writer.flush()
        #expect(try TextFile.read(path) == "new\n")
        var facts = stat()
        #expect(stat(path, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
    }
}
