extension Judge {
    /// A certificate that a CA issues. `name`: by which the server is reached, in ASCII.
    static func issued(_ line: CertificateLine?, for name: String) -> [Finding] {
        let subject = "acme"
        let reason = line?.fault.map { ": \($0)" } ?? ""
        guard let line, line.state != "missing" else {
            return [Finding(.tlsNotMade, subject, "no certificate is issued yet\(reason)", fix: "start the server, and see martlet certificate list")]
        }
        switch line.state {
        case "damaged": return [Finding(.tlsUnusable, subject, "what is kept of it cannot be read\(reason)", fix: "martlet store check")]
        case "expired":
            return [Finding(.tlsExpired, subject, "it expired at \(line.notAfter ?? "")\(reason)", fix: "mend that, then martlet certificate renew")]
        case "revoked":
            return [Finding(.tlsRefused, subject, "it is revoked, and not replaced yet\(reason)", fix: "mend that, then martlet certificate renew")]
        default: break
        }
        let parent = name.firstIndex(of: ".").map { "*" + name[$0...] }
        guard !line.names.contains(name), !line.names.contains(where: { $0 == parent }) else { return [] }
        return [Finding(.tlsNames, subject, "it is not for \(name)", fix: "add the name to acme.names, or correct hostname")]
    }
}
