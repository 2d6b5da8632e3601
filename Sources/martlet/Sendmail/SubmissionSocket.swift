import FoundationEssentials
import Glibc

/// The UNIX socket by which programs of this machine hand in mail (`sendmail.socket`).
enum SubmissionSocket {
    /// Where `sendmail` looks beside what it is told: a folder that every user can look into.
    static let usualPath = "/run/martlet/sendmail.sock"

    /// Listens there, for every user of the machine who gets there: who they are, the system says. Throws `CommandFault`.
    /// - parameter isOwn: it lies in the data folder, where nothing is for others.
    static func bind(_ path: String, isOwn: Bool) throws -> Int32 {
        let listener = try ControlSocket.make()
        do {
            try makeWay(path)
            try ControlSocket.withAddress(of: path) { address, length in
                guard Glibc.bind(listener, address, length) == 0 else { throw SystemFault("listen on", path) }
            }
            guard chmod(path, isOwn ? 0o600 : 0o666) == 0, listen(listener, 64) == 0 else { throw SystemFault("listen on", path) }
            return listener
        } catch {
            close(listener)
            guard let fault = error as? SystemFault else { throw error }
            throw CommandFault(code: Sysexit.unavailable, text: "\(fault); make its folder, or set another sendmail.socket")
        }
    }

    /// Removes a socket that a program which ended without a word has left; never one that somebody listens on, or any other file.
    private static func makeWay(_ path: String) throws {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return }
        guard facts.st_mode & S_IFMT == S_IFSOCK else {
            throw CommandFault(code: Sysexit.configuration, text: "\(path) is no socket; set another sendmail.socket")
        }
        let probe = try ControlSocket.make()
        defer { close(probe) }
        let isTaken = try ControlSocket.withAddress(of: path) { connect(probe, $0, $1) == 0 }
        if isTaken { throw CommandFault(code: Sysexit.unavailable, text: "another program listens on \(path); set another sendmail.socket") }
        unlink(path)
    }

    /// Where a program of any user finds the server: where the environment or the configuration says, the usual place, and last the data folder of who runs it.
    static func find(environment: [String: String]) -> [String] {
        if let path = environment[Setting.sendmailSocket.environmentName], !path.isEmpty { return [path] }
        // catch: a configuration that this user may not read, or that is not good, says nothing here; the usual place is left.
        let reader = ConfigurationReader(
            environment: environment, file: nil, options: [], read: { path throws(SystemFault) in try TextFile.read(path) })
        guard let (values, isEmbedded) = try? reader.values() else { return [usualPath] }  // try?: as above
        let path = values.text(.sendmailSocket) ?? (values.text(.data) ?? ".") + "/sendmail.sock"
        guard isEmbedded else { return [path, usualPath] }
        // A folder that a program happens to run in may be anybody's.
        var facts = stat()
        let isOwn = stat(path, &facts) == 0 && facts.st_uid == geteuid()
        return isOwn ? [usualPath, path] : [usualPath]
    }
}
