import Glibc
import Testing

@testable import martlet

@Suite struct ServiceUserTests {
    private func words(_ user: String, group: String? = nil) -> String {
        do {
            _ = try ServiceUser(user, group: group)
            return ""
        } catch let fault as CommandFault {
            return "\(fault.code) \(fault.text)"
        } catch {
            return "\(error)"
        }
    }

    @Test("a user is known by name or number, with the group that the system has for it")
    func known() throws {
        let entry = try #require(getpwnam("nobody"))
        let (id, group) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
        for name in ["nobody", "\(id)"] {
            let user = try ServiceUser(name, group: nil)
            #expect(user.id == id && user.group == group && user.name == name)
        }
        #expect(try ServiceUser("nobody", group: "daemon").group == getgrnam("daemon")?.pointee.gr_gid)
        #expect(try ServiceUser("4000000000", group: "4000000001").group == 4_000_000_001, "a number needs no name, as in a container")
    }

    @Test("neither root nor who is not there is a user to become, and the remedy is said")
    func unknown() {
        #expect(words("no-such-user").contains("78 user: \"no-such-user\": there is no such user; adduser"))
        #expect(words("nobody", group: "no-such-group").contains("78 group: \"no-such-group\": there is no such group; addgroup"))
        #expect(words("4000000000").contains("set group too"))
        for root in ["root", "0"] { #expect(words(root).contains("it is root")) }
        #expect(words("nobody", group: "0").contains("it is root's"))
    }

    @Test("a group without a user stops the start; without either the server stays who it is")
    func configured() throws {
        #expect(complaint("group: martlet\n").contains("group: has no user beside it; set user too"))
        #expect(try ServiceUser.wanted(configuration("data: /d\n").machine) == nil)
        #expect(try configuration("user: martlet\ngroup: mail\nmaster-key: /k\n").machine.masterKey == "/k")
    }
}
