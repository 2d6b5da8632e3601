import Gatehouse
import MailModel
import MemoryStore
import Storage
import Testing

@Suite("Password hashes")
struct PasswordHashTests {
    /// Made by libargon2's own functions, with a thread a lane.
    static let foreign: [(phc: String, password: String)] = [
        (Gate.rightHash, Gate.rightPassword),
        ("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"),
        ("$argon2i$v=19$m=1024,t=2,p=3$c29tZXNhbHQ$4dDsrVzk7rm0pnE15A2eEnM/XQUhnuOx", "password"),
        ("$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$DdEDYD4svNpDsKcqB4b1zA", ""),
        ("$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$2gcOV25Q8vOKPIl8vdxsf7QCjocJcf+erntOGHkpXm4", "password"),
        ("$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$2gcOV25Q8vOKPIl8vdxsf7QCjocJcf+erntOGHkpXm4", "password"),
    ]

    @Test("hashes that other programs made are verified, with their own parameters", arguments: foreign)
    func verified(phc: String, password: String) async throws {
        let keeper = try await Gate().keeper
        #expect(try await keeper.verifyPassword(Password(password), phc))
        #expect(try await !keeper.verifyPassword(Password(password + "x"), phc))
    }

    @Test("a new hash is Argon2id, t=3, m=65536, p=4, with 16 octets of salt of its own (S10-S14)")
    func new() async throws {
        let keeper = try await Gate().keeper
        let first = try await keeper.hashPassword(Password("correct horse battery"))
        let second = try await keeper.hashPassword(Password("correct horse battery"))
        let form = /\$argon2id\$v=19\$m=65536,t=3,p=4\$[A-Za-z0-9+\/]{22}\$[A-Za-z0-9+\/]{43}/
        #expect(first.wholeMatch(of: form) != nil && second.wholeMatch(of: form) != nil)
        #expect(first != second)
        #expect(try await keeper.verifyPassword(Password("correct horse battery"), first))
        #expect(try await !keeper.verifyPassword(Password("correct horse batterz"), first))
    }

    @Test(
        "what is no Argon2 hash, or one that would cost too much, matches nothing",
        arguments: [
            "", "$", "alice", "$2b$10$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg",
            // Absurd memory, passes, lanes; zero of each; more memory than a number holds.
            "$argon2id$v=19$m=4294967295,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$m=65536,t=4000000,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$m=65536,t=3,p=16777215$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$m=0,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$m=65536,t=0,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$m=65536,t=3,p=0$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$m=99999999999999999999,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            // Another version, parameters in another order, padding, an impossible length, a short hash, more behind it.
            "$argon2id$v=20$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$t=3,m=65536,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg==$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$m=65536,t=3,p=4$MDEyM$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas",
            "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPQ",
            "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas$",
        ])
    func refused(phc: String) async throws {
        let gate = try await Gate()
        #expect(try await !gate.keeper.verifyPassword(Password(Gate.rightPassword), phc))
        #expect(gate.keeper.hashCount == 0)
    }

    @Test("the memory of a hash is given back (S11)")
    func memory() async {
        // In a process of its own, where nobody else maps anything meanwhile.
        await #expect(processExitsWith: .success) {
            let keeper = try await Gate().keeper
            _ = try await keeper.hashPassword(Password("the first one maps what stays"))
            let before = try mappedKiB()
            for number in 0..<3 { _ = try await keeper.hashPassword(Password("password number \(number)")) }
            // Each maps 64 MiB.
            #expect(try mappedKiB() < before + 65_536)
        }
    }
}

/// KiB of this process's anonymous memory that can be written, whether pages stand behind it or not.
private func mappedKiB() throws -> Int {
    try String(contentsOfProcFile: "/proc/self/maps").split(separator: "\n").reduce(0) { sum, line in
        let fields = line.split(separator: " ")
        guard fields.count == 5, fields[1].hasPrefix("rw") else { return sum }
        let ends = fields[0].split(separator: "-").compactMap { Int($0, radix: 16) }
        return ends.count == 2 ? sum + (ends[1] - ends[0]) / 1_024 : sum
    }
}

@Suite("Passwords")
struct PasswordTests {
    @Test("a password never prints itself")
    func silent() {
        let password = Password("correct horse battery")
        var dumped = ""
        dump(password, to: &dumped)
        dump(["key": Optional(password)] as Any, to: &dumped)
        let printed = "\(password) \(String(reflecting: password)) \(String(describing: [password])) \(Mirror(reflecting: password).children.count) \(dumped)"
        #expect(!printed.contains("horse") && !printed.contains("104") && printed.contains("(password)"))
    }

    @Test("two spellings of a character are the same password: RFC 8265 §4.2.2; octets that are no text are kept")
    func forms() {
        #expect(Password("pässwörd") == Password("pa\u{308}sswo\u{308}rd"))
        #expect(Password(octets: Array("pa\u{308}ss".utf8)) == Password("päss"))
        #expect(Password(octets: [0xFF, 0xFE]) == Password(octets: [0xFF, 0xFE]))
        #expect(Password(octets: [0xFF, 0xFE]) != Password(octets: [0xFF, 0xFD]))
        #expect(Password("a") != Password("ab"))
    }

    @Test(
        "a new password has 8 characters or more, 12 are advised, and is not what everybody tries (S96)",
        arguments: [
            ("", .empty), ("seven77", .tooShort), ("ääääää7", .tooShort), ("password", .guessable), ("Password1!", .guessable),
            ("12345678", .guessable), ("aaaaaaaaaaaa", .guessable), ("abababababab", .guessable), ("changeme123", .guessable),
            ("alice@example.org", .guessable), ("example.org", .guessable), (String(repeating: "long enough ", count: 100), .tooLong),
        ] as [(String, PasswordRule.Fault)])
    func refused(text: String, fault: PasswordRule.Fault) throws {
        let name = try AccountName("alice@example.org")
        #expect(throws: fault) { try PasswordRule.check(Password(text), of: name) }
    }

    @Test("what is allowed, and what is advised against")
    func allowed() throws {
        let name = try AccountName("alice@example.org")
        #expect(try PasswordRule.check(Password("eight8*x"), of: name) == .short)
        #expect(try PasswordRule.check(Password("elevenchars"), of: name) == .short)
        #expect(try PasswordRule.check(Password("twelve chars"), of: name) == nil)
        #expect(try PasswordRule.check(Password("пароль-не-слово"), of: name) == nil)
    }
}
