import Testing

@testable import martlet

@Suite struct SettingTests {
    @Test("every default is a good value of its kind", arguments: Setting.all)
    func defaults(_ setting: Setting) throws {
        if setting.standard.isEmpty {
            #expect(setting.standardNote != nil)
        } else {
            _ = try setting.kind.value(of: setting.standard)
        }
    }

    @Test("no two keys share a name, in the file or in the environment")
    func names() {
        let names = Setting.all.flatMap { [$0.environmentName] + $0.aliases.map(\.name) }
        #expect(Set(names).count == names.count)
        #expect(Set(Setting.all.map(\.key)).count == Setting.all.count)
    }

    @Test("a key's environment name is derived from it")
    func environmentName() {
        #expect(Setting.messageSize.environmentName == "MARTLET_LIMITS_MESSAGE_SIZE")
        #expect(Setting.portOffset.environmentName == "MARTLET_PORT_OFFSET")
    }

    @Test(
        "sizes are of 1024, with or without a unit",
        arguments: [
            ("52428800", 52_428_800), ("50M", 52_428_800), ("50MB", 52_428_800), ("50 mb", 52_428_800), ("64k", 65_536),
            ("1G", 1 << 30),
        ])
    func sizes(_ text: String, _ octets: Int) throws {
        #expect(try Setting.messageSize.kind.value(of: text) == .number(octets))
    }

    @Test("a size that does not fit is refused", arguments: ["99999999999G", "-1", "+5", "5.5M", "M", "", "0x10", "٣"])
    func badSizes(_ text: String) {
        #expect(throws: BadValue.self) { try Setting.freeFloor.kind.value(of: text) }
    }

    @Test("users and groups are names as the system has them, or numbers", arguments: ["martlet", "_mail", "www-data", "1001", "a.b"])
    func logins(_ text: String) throws { #expect(try Setting.user.kind.value(of: " \(text) ") == .text(text)) }

    @Test("what can be no user is refused", arguments: ["", "-1", "4294967295", "99999999999", "a b", "a:b", "../x", "mär", String(repeating: "a", count: 33)])
    func badLogins(_ text: String) { #expect(throws: BadValue.self) { try Setting.user.kind.value(of: text) } }

    @Test("a list may stand between commas, and may be empty")
    func lists() throws {
        #expect(try Setting.exempt.kind.value(of: " 10.0.0.0/8 , ::1/128,") == .list(["10.0.0.0/8", "::1/128"]))
        #expect(try Setting.exempt.kind.value(of: "") == .list([]))
        #expect(try Setting.exempt.kind.value(of: [String]()) == .list([]))
    }

    @Test(
        "loopback is 127.0.0.0/8 and ::1 and nothing else",
        arguments: [
            ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("0.0.0.0", false),
            ("::", false), ("10.0.0.1", false),
            ("localhost", false), ("", false),
        ])
    func loopback(_ address: String, _ isLoopback: Bool) {
        #expect(IPText.isLoopback(address) == isLoopback)
    }
}
