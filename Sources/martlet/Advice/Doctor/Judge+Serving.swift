import MailModel

extension Judge {
    static func queue(_ facts: QueueFacts) -> [Finding] {
        var findings: [Finding] = []
        if !facts.isSending {
            findings.append(
                Finding(.outboundOff, "outbound.enabled", "it is false: mail to other servers is queued and held", fix: "set it to true when mail is to leave"))
        }
        if facts.isSending, let oldest = facts.oldest, oldest > 4 * 3_600 {
            let kind: FindingKind = oldest > 86_400 ? .queueOld : .queueWaiting
            findings.append(
                Finding(
                    kind, "queue", "the oldest message has waited \(QueueTable.duration(oldest))" + (facts.said.map { ": \($0)" } ?? ""),
                    fix: "martlet queue list --older-than 4h shows why"))
        }
        if facts.held > 0 {
            findings.append(
                Finding(
                    .queueHeld, "queue", "\(facts.held)\(facts.hasMoreHeld ? " messages or more are" : facts.held == 1 ? " message is" : " messages are") held",
                    fix: "martlet queue list --state held shows why; martlet queue release lets them go"))
        }
        return findings
    }

    static func store(_ facts: StoreFacts) -> [Finding] {
        guard let first = facts.problems.first else { return [] }
        let more = facts.problems.count - 1
        return [
            Finding(
                .storeDamaged, "store", first + (more > 0 ? ", and \(more) more" : ""),
                fix: "martlet store check names all; stop the server, and martlet store recover says what can be brought back")
        ]
    }

    static func server(isRunning: Bool, data: String) -> [Finding] {
        isRunning ? [] : [Finding(.serverStopped, data, "no server runs on this data folder", fix: "martlet serve, as the service that is to start it")]
    }

    /// - parameter isRunning: so that nobody but it answers at its ports.
    static func listener(_ facts: ListenerFacts, host: Domain, isRunning: Bool) -> [Finding] {
        let place = "\(facts.service.rawValue) at \(facts.address) port \(facts.port)"
        switch facts.answer {
        case .silent(let reason):
            guard isRunning else { return [] }
            return [
                Finding(
                    .listenerSilent, place, "it does not answer: \(reason)",
                    fix: "see the log; if the configuration was changed since the start, start the server again")
            ]
        case .said(let line, let content):
            if isRunning, isGreeting(line, content, of: facts.service, host) { return [] }
            return [
                Finding(
                    .listenerStranger, place,
                    isRunning ? "something else answers there: \(line)" : "something answers there while the server does not run: \(line)",
                    fix: "stop what listens there, or give the service another port")
            ]
        case .notTLS(let line):
            return [
                Finding(
                    .listenerStranger, place, "what answers there speaks no TLS, and is not this server" + (line.map { ": \($0)" } ?? ""),
                    fix: "stop what listens there, or give the service another port")
            ]
        case .guarded:
            // Whose it is nobody sees who has no certificate.
            return []
        case .forbidden(let reason):
            return [
                Finding(
                    .listenerForbidden, place, "nobody listens there, and who runs this may not: \(reason)",
                    fix: "start it as a service (docs/deployment.md) or by root with the setting user, or give it an address that is here and a port above 1023"
                )
            ]
        }
    }

    /// A refusal by the limits of connections is ours too.
    private static func isGreeting(_ line: String, _ content: String?, of service: Service, _ host: Domain) -> Bool {
        switch service {
        case .smtp, .submission, .submissions: line.hasPrefix("220 \(host.value) ") || line.hasPrefix("421 ")
        case .imap, .imaps: line.hasPrefix("* OK ") && line.hasSuffix(ready) || line.hasPrefix("* BYE ")
        case .pop3, .pop3s: line.hasPrefix("+OK") && line.hasSuffix(ready) || line.hasPrefix("-ERR ")
        // What `/health/live` answers.
        case .https, .http:
            line.hasPrefix("HTTP/1.1 200") && content?.trimmed == healthy || line.hasPrefix("HTTP/1.1 429") || line.hasPrefix("HTTP/1.1 503")
        }
    }

    /// The end of IMAP's and POP3's greetings, which name no host.
    private static let ready = " Martlet ready"
    private static let healthy = "{\"status\":\"ok\"}"

    /// How the listeners are to be reached, by the configuration alone.
    static func listeners(_ listeners: [Configuration.Listener]) -> [Finding] {
        let smtp = listeners.filter { $0.service == .smtp }
        var findings: [Finding] = []
        if !smtp.isEmpty, smtp.allSatisfy({ IPText.isLoopback($0.address) }) {
            findings.append(
                Finding(
                    .listenerLoopback, "listeners.addresses", "SMTP listens on this machine alone: no other server brings mail",
                    fix: "set it to the machine's addresses, or to 0.0.0.0 and \"::\""))
        }
        if let first = smtp.first, !smtp.contains(where: { $0.port == 25 }) {
            findings.append(
                Finding(
                    .listenerPort, "listeners.smtp.port", "other servers bring mail to port 25 alone, and SMTP listens on port \(first.port)",
                    fix: "listen on port 25, or have it forwarded from there"))
        }
        return findings
    }

    static func hostname(_ host: Domain) -> [Finding] {
        guard !host.value.contains(".") else { return [] }
        return [Finding(.hostnameShort, "hostname", "\(host) is no name that others can find", fix: "set hostname to a full one, such as mail.example.org")]
    }

    /// - parameters:
    ///   - count: of those that DNS can be asked for.
    ///   - others: that it cannot.
    static func domains(_ count: Int, others: [String] = []) -> [Finding] {
        let unusable = others.map {
            Finding(
                .domainsUnusable, $0, "it has no form that DNS can be asked for (IDNA does not allow it): no mail comes to it",
                fix: "martlet domain remove \($0), and add what is registered")
        }
        guard count == 0, others.isEmpty else { return unusable }
        return [Finding(.domainsNone, "domains", "mail is taken for no domain", fix: "martlet domain add DOMAIN")]
    }

    /// - parameter facts: nil: nobody was asked for.
    static func reach(_ facts: ReachFacts?) -> [Finding] {
        guard let facts else {
            return [
                Finding(
                    .portOutUnseen, "port 25", "whether other servers can be reached: no server was named to try",
                    fix: "martlet doctor --reach HOST, with the MX of a provider you write to")
            ]
        }
        switch facts.greeting {
        case .success(let line) where line.hasPrefix("2") || line.hasPrefix("4") || line.hasPrefix("5"): return []
        case .success(let line):
            return [
                Finding(
                    .portOutBlocked, facts.target, "something answers there that is no mail server: \(line)",
                    fix: "see what stands between this machine and the world's port 25")
            ]
        case .failure(let fault):
            return [
                Finding(
                    .portOutBlocked, facts.target, "it cannot be reached: \(fault.description)",
                    fix: "have your provider open port 25, or send by a smarthost (outbound.routes)")
            ]
        }
    }

    /// What nobody inside can see.
    static func outside(_ host: Domain) -> [Finding] {
        [
            Finding(
                .portInUnseen, host.value, "whether the world reaches its port 25", fix: "from a machine elsewhere: swaks --server \(host) --quit-after EHLO"),
            Finding(
                .relayUnseen, host.value, "whether a stranger elsewhere may send by it to other domains",
                fix: "from a machine elsewhere: swaks --server \(host) --to somebody@example.com is to be refused (550)"),
            Finding(
                .listsUnseen, host.value, "whether blocklists have its addresses: they answer no public resolver, and strangers are not asked unbidden",
                fix: "look its addresses up at check.spamhaus.org, and in Google Postmaster Tools and Microsoft SNDS"),
        ]
    }
}
