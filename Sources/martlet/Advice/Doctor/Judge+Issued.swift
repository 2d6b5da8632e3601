import ACME
import MailModel

extension Judge {
    /// A certificate that a CA issues. `name`: by which the server is reached, in ASCII.
    static func issued(_ line: CertificateLine?, for name: String, now: Timestamp) -> [Finding] {
        let subject = "acme"
        let again = "mend that, then martlet certificate renew"
        let reason = line?.fault.map { ": \($0)" } ?? ""
        guard let line, line.state != "missing" else {
            if let fault = line?.fault { return [Finding(.tlsNotIssued, subject, "\(fault)\(tried(line))", fix: again)] }
            return [Finding(.tlsNotMade, subject, "no certificate is issued yet\(reason)", fix: "start the server, and see martlet certificate list")]
        }
        switch line.state {
        case "damaged": return [Finding(.tlsUnusable, subject, "what is kept of it cannot be read\(reason)", fix: "martlet store check")]
        case "expired":
            return [Finding(.tlsExpired, subject, "it expired at \(line.notAfter ?? "")\(reason)", fix: again)]
        case "revoked":
            return [Finding(.tlsRefused, subject, "it is revoked, and not replaced yet\(reason)", fix: again)]
        case "early": return [Finding(.tlsEarly, subject, "it is valid from \(line.notBefore ?? "") on", fix: "set the machine's clock")]
        default: break
        }
        var findings: [Finding] = []
        if let fault = line.fault {
            let end = line.notAfter.flatMap { Timestamp(dateTime: $0) }
            let isUrgent = end.map { $0.rawValue - now.rawValue < 7 * 86_400 } ?? true
            let problem = "it expires at \(line.notAfter ?? ""), and the next one could not be had: \(fault)\(tried(line))"
            findings.append(Finding(isUrgent ? .tlsExpiresNow : .tlsNotRenewed, subject, problem, fix: again))
        }
        let parent = name.firstIndex(of: ".").map { "*" + name[$0...] }
        guard !line.names.contains(name), !line.names.contains(where: { $0 == parent }) else { return findings }
        return findings + [Finding(.tlsNames, subject, "it is not for \(name)", fix: "add the name to acme.names, or correct hostname")]
    }

    private static func tried(_ line: CertificateLine?) -> String { line?.heldUntil.map { "; tried again from \($0)" } ?? "" }

    static func authority(_ directory: ResourceURL, _ fault: ACMEFault) -> [Finding] {
        [
            Finding(
                .authorityUnreachable, "acme", "\(fault) (asked for \(directory))",
                fix: "let this machine ask it (TCP port \(directory.port)), or correct acme.directory, acme.root or acme.allows-private")
        ]
    }

    /// - parameter problem: nil: nothing is in the way.
    static func hook(_ path: String, _ problem: String?) -> [Finding] {
        problem.map { [Finding(.hookUnusable, path, $0, fix: "name a program in acme.hook that the server's user may run")] } ?? []
    }
}
