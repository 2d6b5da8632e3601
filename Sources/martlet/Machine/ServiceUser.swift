import CLinux
import Glibc

/// Whom the server becomes when root starts it (`user`, `group`).
struct ServiceUser: Equatable {
    /// As the configuration has it.
    let name: String
    let id: uid_t
    let group: gid_t
    /// Whose further groups it gets; nil for a number that the system has no name for.
    private let login: String?

    /// Nil: nobody is named, or this is that user already. Throws `CommandFault`: there is no such user, or only root could become it.
    static func wanted(_ machine: Configuration.Machine) throws -> ServiceUser? {
        guard let user = machine.user else { return nil }
        let wanted = try ServiceUser(user, group: machine.group)
        guard geteuid() != wanted.id else { return nil }
        guard geteuid() == 0 else {
            throw CommandFault(
                code: Sysexit.noPermission, text: "user is \(user), and only root can become them: this runs as \(SystemName.user()); run as root or as \(user)"
            )
        }
        return wanted
    }

    init(_ user: String, group: String?) throws {
        var login: String?
        var primary: gid_t?
        if let entry = UInt32(user).map({ getpwuid($0) }) ?? getpwnam(user) {
            (id, primary) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
            login = entry.pointee.pw_name.map { String(cString: $0) }
        } else if let number = UInt32(user) {
            id = number
        } else {
            throw ServiceUser.fault("user", user, "there is no such user", "adduser --system --group \(user) makes one")
        }
        guard id != 0 else { throw ServiceUser.fault("user", user, "it is root", "name a user that has no other task") }
        if let group {
            guard let number = UInt32(group) ?? getgrnam(group)?.pointee.gr_gid else {
                throw ServiceUser.fault("group", group, "there is no such group", "addgroup --system \(group) makes one")
            }
            primary = number
        }
        guard let primary else { throw ServiceUser.fault("user", user, "the system knows no group of it", "set group too") }
        guard primary != 0 else { throw ServiceUser.fault("group", group ?? user, "it is root's", "name a group that has no other task") }
        self.group = primary
        self.login = login
        name = user
    }

    private static func fault(_ key: String, _ value: String, _ problem: String, _ remedy: String) -> CommandFault {
        CommandFault(code: Sysexit.configuration, text: "\(key): \"\(value)\": \(problem); \(remedy)")
    }

    /// All threads of the program are this user's from now on, and nothing brings root back. Throws `CommandFault`; the program must end then.
    func become() throws {
        guard clinux_become(login, id, group) == 0 else {
            throw CommandFault(code: Sysexit.noPermission, text: "\(SystemFault("become", "user \(name) (\(id)) and group \(group)"))")
        }
    }
}

extension Configuration {
    /// Before anything secret is read: this is who it shall be, and no core is dumped. Does nothing the second time. Throws `CommandFault`.
    func settle() throws {
        try ServiceUser.wanted(machine)?.become()
        // Becoming another user has the system decide anew who may look into the program.
        if !machine.allowsCoreDumps, clinux_forbid_core_dumps() != 0 {
            throw CommandFault(code: Sysexit.unavailable, text: "\(SystemFault("forbid", "core dumps")); set core-dumps to allow them")
        }
    }
}
