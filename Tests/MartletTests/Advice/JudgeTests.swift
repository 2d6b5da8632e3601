import ACME
import Conversation
import MailModel
import PostOffice
import Testing

@testable import martlet

/// For each finding facts of which it comes, and facts next to them of which it does not.
@Suite("The doctor's judgement")
struct JudgeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let kind: FindingKind
        let fires: @Sendable () -> [Finding]
        let silent: @Sendable () -> [Finding]
        var testDescription: String { kind.id }

        init(_ kind: FindingKind, _ fires: @autoclosure @escaping @Sendable () -> [Finding], silent: @autoclosure @escaping @Sendable () -> [Finding]) {
            self.kind = kind
            self.fires = fires
            self.silent = silent
        }
    }

    private static let host = named("mail.example.org")
    private static let other = named("mx.elsewhere.example")
    private static func mx(_ hosts: Domain?...) -> Told<MailExchanger> {
        .success(DNSAnswer(records: hosts.map { MailExchanger(preference: 10, host: $0) }, isSecure: true, ttl: 60))
    }

    private static func fetched(_ outcome: PolicyFacts.Outcome) -> [Finding] {
        Judge.policy(PolicyFacts(place: named("mta-sts.example.org"), host: host, isListening: true, outcome: outcome))
    }

    private static func policy(_ mode: StrictTransportPolicy.Mode, for host: String) -> PolicyFacts.Outcome {
        guard let policy = StrictTransportPolicy(mode: mode, exchangers: [ExchangerPattern(host)].compactMap(\.self), maxAge: 86_400) else {
            return .unseen("no policy")
        }
        return .fetched(policy)
    }

    private static func reports(_ sender: String) -> [Finding] {
        guard let sender = Address(sender) else { return [] }
        return Judge.reports(ReportFacts(sender: sender, domains: [named("example.org"), named("xn--bcher-kva.example")]))
    }

    private static func policy(_ answer: Told<String>?) -> [Finding] {
        DomainFacts.with {
            $0.site.transportPolicyID = "a"
            $0.transportPolicy = answer
        }.filter { $0.kind != .unanswered }
    }

    static let names: [Case] = [
        Case(.resolverFails, Judge.resolver(.fails(.timedOut)), silent: Judge.resolver(.proves)),
        Case(.resolverForges, Judge.resolver(.forged("no signatures", isTime: false)), silent: Judge.resolver(.forged("signature expired", isTime: true))),
        Case(.clockWrong, Judge.resolver(.forged("signature expired", isTime: true)), silent: Judge.resolver(.forged("no signatures", isTime: false))),
        Case(.resolverUnproved, Judge.resolver(.unproved), silent: Judge.resolver(.provesByOtherAnchor)),
        Case(.resolverTrusting, Judge.resolver(.trusts), silent: Judge.resolver(.proves)),
        Case(
            .unanswered, DomainFacts.with { $0.keys = .failure(.failed(code: 2)) }, silent: DomainFacts.with { $0.keys = denied() }),
        Case(
            .bogus, DomainFacts.with { $0.exchangers = .failure(.bogus("signature missing")) },
            silent: DomainFacts.with { $0.exchangers = .failure(.timedOut) }),
        Case(
            .unsigned, DomainFacts.with { $0.exchangers = told(MailExchanger(preference: 10, host: host), isSecure: false) },
            silent: DomainFacts.with {
                $0.exchangers = told(MailExchanger(preference: 10, host: host), isSecure: false)
                $0.canProve = false
            }),
        Case(.domainGone, DomainFacts.with { $0.exchangers = denied(.noSuchName) }, silent: DomainFacts.with { $0.exchangers = denied() }),
        Case(.mxMissing, DomainFacts.with { $0.exchangers = denied() }, silent: DomainFacts.with { $0.exchangers = .failure(.timedOut) }),
        Case(.mxNull, DomainFacts.with { $0.exchangers = mx(nil) }, silent: DomainFacts.with { $0.exchangers = mx(nil, host) }),
        Case(.mxNullBeside, DomainFacts.with { $0.exchangers = mx(nil, host) }, silent: DomainFacts.with { $0.exchangers = mx(nil) }),
        Case(
            .mxElsewhere,
            DomainFacts.with {
                $0.exchangers = mx(other)
                $0.hosts[other] = [told(address("11.0.0.9")), denied()]
            },
            silent: DomainFacts.with {
                $0.exchangers = mx(other)
                $0.hosts[other] = [told(address("11.0.0.1")), denied()]
            }),
        Case(
            .mxNotFirst,
            DomainFacts.with { $0.exchangers = told(MailExchanger(preference: 5, host: other), MailExchanger(preference: 10, host: host)) },
            silent: DomainFacts.with { $0.exchangers = told(MailExchanger(preference: 10, host: host), MailExchanger(preference: 20, host: other)) }),
        Case(
            .mxAlias, DomainFacts.with { $0.hosts[host] = [told(address("11.0.0.1"), alias: other), denied()] },
            silent: DomainFacts.with { $0.hosts[host] = [told(address("11.0.0.1")), denied()] }),
        Case(.mxAddress, DomainFacts.with { $0.exchangers = mx(host, named("11.0.0.1")) }, silent: DomainFacts.with { _ in }),
        Case(
            .mxUnresolved, DomainFacts.with { $0.hosts[host] = [denied(), denied(.noSuchName)] },
            silent: DomainFacts.with { $0.hosts[host] = [.failure(.timedOut), denied()] }),
        Case(
            .hostElsewhere, DomainFacts.with { $0.hosts[host] = [told(address("11.0.0.9")), denied()] },
            silent: DomainFacts.with { $0.hosts[host] = [told(address("11.0.0.9")), told(address("2a00:1::5"))] }),
        Case(
            .hostOther, DomainFacts.with { $0.hosts[host] = [told(address("11.0.0.1"), address("11.0.0.9")), denied()] },
            silent: DomainFacts.with { $0.hosts[host] = [told(address("11.0.0.1")), denied()] }),
        Case(.hostUnknown, DomainFacts.with { $0.site = .example(addresses: []) }, silent: DomainFacts.with { _ in }),
        Case(
            .hostUnknown,
            DomainFacts.with {
                $0.site = .example(host: "vm", addresses: [])
                $0.exchangers = mx(other)
            }, silent: DomainFacts.with { $0.exchangers = mx(other) }),
        Case(.spfMissing, DomainFacts.with { $0.texts = told("v=spf10 all") }, silent: DomainFacts.with { $0.texts = told("V=SPF1 ~all") }),
        Case(.spfSeveral, DomainFacts.with { $0.texts = told("v=spf1 a", "v=spf1 mx") }, silent: DomainFacts.with { _ in }),
        Case(
            .spfBroken, DomainFacts.with { $0.coverage = [address("11.0.0.1"): .broken("a word")] },
            silent: DomainFacts.with { $0.coverage = [address("11.0.0.1"): .unknown("a macro")] }),
        Case(.spfExcludes, DomainFacts.with { $0.coverage = [address("11.0.0.1"): .excluded] }, silent: DomainFacts.with { _ in }),
        Case(.spfOpen, DomainFacts.with { $0.coverage = [address("11.0.0.1"): .passes(isEverybody: true)] }, silent: DomainFacts.with { _ in }),
        Case(
            .spfUnknown, DomainFacts.with { $0.coverage = [address("11.0.0.1"): .unknown("a macro")] },
            silent: DomainFacts.with { $0.coverage = [address("11.0.0.1"): .broken("a word")] }),
        Case(
            .dkimNone, DomainFacts.with { $0.site.signingKeys = [.example("gone", "revoked")] },
            silent: DomainFacts.with { $0.site.signingKeys = [.example("next", "pending")] }),
        Case(
            .dkimNone, DomainFacts.with { $0.site.signingKeys = [] }, silent: DomainFacts.with { $0.site.signingKeys = nil }),
        Case(
            .dkimUnused, DomainFacts.with { $0.site.signingKeys = [.example("next", "pending")] },
            silent: DomainFacts.with { $0.site.signingKeys?.append(.example("next", "pending")) }),
        Case(
            .dkimMissing, DomainFacts.with { $0.signing["new"] = denied(.noSuchName) }, silent: DomainFacts.with { $0.signing["new"] = .failure(.timedOut) }),
        Case(
            .dkimMissing, DomainFacts.with { $0.signing["old"] = told("v=DKIM1; p=") },
            silent: DomainFacts.with { $0.signing["old"] = told("something else", "k=rsa; p=BB BB") }),
        Case(
            .dkimDiffers, DomainFacts.with { $0.signing["new"] = told("v=DKIM1; p=BBBB") },
            silent: DomainFacts.with { $0.signing["new"] = told("v=DKIM1; p=AAAA; t=s") }),
        Case(
            .dkimPending,
            DomainFacts.with {
                $0.site.signingKeys?.append(.example("next", "pending"))
                $0.signing["next"] = denied()
            },
            silent: DomainFacts.with {
                $0.site.signingKeys = [.example("next", "pending")]
                $0.signing["next"] = denied()
            }),
        Case(
            .dkimShort, DomainFacts.with { $0.site.signingKeys = [.example("new", bits: 1_024)] },
            silent: DomainFacts.with { $0.site.signingKeys = [.example("new"), .example("old", "retiring", bits: 1_024)] }),
        Case(
            .dkimRetired, DomainFacts.with { $0.signing["gone"] = told("v=DKIM1; p=CCCC") },
            silent: DomainFacts.with { $0.signing["gone"] = told("v=DKIM1; p=") }),
        Case(.dmarcMissing, DomainFacts.with { $0.alignment = denied(.noSuchName) }, silent: DomainFacts.with { $0.alignment = .failure(.timedOut) }),
        Case(
            .dmarcSeveral, DomainFacts.with { $0.alignment = told("v=DMARC1; p=none", "v=DMARC1; p=reject") },
            silent: DomainFacts.with { $0.alignment = told("v=DMARC1; p=none", "something else") }),
        Case(
            .dmarcBroken, DomainFacts.with { $0.alignment = told("v=DMARC1; rua=mailto:a@example.org") },
            silent: DomainFacts.with { $0.alignment = told("v=DMARC1 ;p = Quarantine") }),
        Case(.transportPolicyMissing, policy(denied(.noSuchName)), silent: policy(.failure(.timedOut)) + policy(nil)),
        Case(.transportPolicyOther, policy(told("v=STSv1; id=b")), silent: policy(told("v=STSv1; id=a"))),
        Case(.transportPolicyOther, policy(told("v=STSv1; id=a", "v=STSv1; id=a")), silent: policy(told("v=STSv1;id=a;", "other"))),
        Case(.tlsReportsMissing, DomainFacts.with { $0.tlsReports = denied(.noSuchName) }, silent: DomainFacts.with { $0.tlsReports = .failure(.timedOut) }),
        Case(
            .tlsReportsBroken, DomainFacts.with { $0.tlsReports = told("v=TLSRPTv1; rua=postmaster@example.org") },
            silent: DomainFacts.with { $0.tlsReports = told("v=TLSRPTv1;rua=mailto:a@example.org, https://reports.example/") }),
        Case(.tlsaMissing, DomainFacts.with { $0.keys = denied(.noSuchName) }, silent: DomainFacts.with { $0.keys = denied(isSecure: false) }),
        Case(
            .tlsaMismatch, DomainFacts.with { $0.keys = told(.init(usage: 3, fits: false), .init(usage: 2, fits: false)) },
            silent: DomainFacts.with { $0.keys = told(.init(usage: 3, fits: false), .init(usage: 2, fits: true)) }),
        Case(
            .tlsaUnusable, DomainFacts.with { $0.keys = told(.init(usage: 1, fits: false)) },
            silent: DomainFacts.with { $0.keys = told(.init(usage: 1, fits: false), .init(usage: 3, fits: true)) }),
        Case(
            .tlsaMismatch, DomainFacts.with { $0.keys = told(.init(usage: 3, fits: true), .init(usage: 3, matching: 2, fits: false)) },
            silent: DomainFacts.with { $0.keys = told(.init(usage: 3, fits: false), .init(usage: 3, matching: 2, fits: true)) }),
        Case(
            .tlsaUnusable, DomainFacts.with { $0.keys = told(.init(usage: 3, octets: 31, fits: false)) },
            silent: DomainFacts.with { $0.keys = told(.init(usage: 3, octets: 31, fits: false), .init(usage: 3, fits: false)) }),
        Case(
            .tlsaUnproved, DomainFacts.with { $0.keys = told(.init(usage: 3, fits: true), isSecure: false) },
            silent: DomainFacts.with {
                $0.keys = told(.init(usage: 3, fits: true), isSecure: false)
                $0.canProve = false
            }),
        Case(
            .tlsaWithoutTLS, DomainFacts.with { $0.site = .example(isTLS: false) },
            silent: DomainFacts.with {
                $0.site = .example(isTLS: false)
                $0.keys = denied()
            }),
        Case(
            .srvMissing, DomainFacts.with { $0.services["_imaps._tcp"] = denied(.noSuchName) },
            silent: DomainFacts.with { $0.services["_pop3s._tcp"] = denied(.noSuchName) }),
        Case(
            .srvWrong, DomainFacts.with { $0.services["_pop3s._tcp"] = DomainFacts.service(995) },
            silent: DomainFacts.with { $0.services["_pop3s._tcp"] = DomainFacts.service(995, host: "pop.elsewhere.example") }),
        Case(
            .srvWrong, DomainFacts.with { $0.services["_imaps._tcp"] = DomainFacts.service(994) },
            silent: DomainFacts.with {
                $0.services["_imaps._tcp"] = told(
                    ServiceLocation(priority: 0, weight: 1, port: 993, host: other), ServiceLocation(priority: 1, weight: 1, port: 993, host: host))
            }),
        Case(
            .caaForbids, DomainFacts.with { $0.issuers = told(IssuerProperty(tag: "issue", value: "digicert.com")) },
            silent: DomainFacts.with { $0.issuers = told(IssuerProperty(tag: "iodef", value: "mailto:a@example.org")) }),
    ]

    static let senders: [Case] = [
        Case(
            .nameUnresolved, Judge.sender(.example(nameAddresses: [denied(), denied(.noSuchName)])),
            silent: Judge.sender(.example(nameAddresses: [.failure(.timedOut), denied()]))),
        Case(.nameOther, Judge.sender(.example(nameAddresses: [told(address("11.0.0.9")), denied()])), silent: Judge.sender(.example())),
        Case(.pointerMissing, Judge.sender(.example(names: denied(.noSuchName))), silent: Judge.sender(.example(names: .failure(.timedOut)))),
        Case(
            .pointerUnconfirmed, Judge.sender(.example(confirmed: told(address("11.0.0.9")))), silent: Judge.sender(.example(confirmed: .failure(.timedOut)))),
        Case(
            .pointerOther, Judge.sender(.example(names: told(named("v1234.provider.example")))),
            silent: Judge.sender(.example(names: told(named("v1234.provider.example"), named("mail.example.org"))))),
        Case(.unanswered, Judge.sender(.example(names: .failure(.timedOut))), silent: Judge.sender(.example())),
        Case(.senderUnknown, Judge.sender(.example(isKnown: false)), silent: Judge.sender(.example())),
        Case(.portOutUnseen, Judge.reach(nil), silent: Judge.reach(ReachFacts(target: "mx", greeting: .success("220 mx ESMTP")))),
        Case(
            .portOutBlocked, Judge.reach(ReachFacts(target: "mx", greeting: .failure(SightFault("no answer in time")))),
            silent: Judge.reach(ReachFacts(target: "mx", greeting: .success("554 not you")))),
        Case(.portInUnseen, Judge.outside(host), silent: []), Case(.relayUnseen, Judge.outside(host), silent: []),
        Case(.listsUnseen, Judge.outside(host), silent: []),
        Case(.hostnameShort, Judge.hostname(named("vm")), silent: Judge.hostname(host)),
        Case(.domainsNone, Judge.domains(0), silent: Judge.domains(1)),
    ]

    static let web: [Case] = [
        Case(
            .transportPolicyUnfetchable, fetched(.failed(TLSFailure(.stsWebPKIInvalid, "the certificate is for mail.example.org"))),
            silent: fetched(.unseen("behind a NAT"))),
        Case(
            .transportPolicyUnfetchable, fetched(.failed(TLSFailure(.stsFetchError, "the answer is 404"))), silent: fetched(policy(.enforce, for: host.value))),
        Case(.transportPolicyUnseen, fetched(.unseen("behind a NAT")), silent: fetched(.failed(TLSFailure(.stsFetchError, "the answer is 404")))),
        Case(.transportPolicyExcludes, fetched(policy(.testing, for: other.value)), silent: fetched(policy(.none, for: other.value))),
        Case(.transportPolicyExcludes, fetched(policy(.enforce, for: "*.example.com")), silent: fetched(policy(.enforce, for: "*.example.org"))),
        Case(.authorityUnreachable, authority(.unreachable("Connection refused")), silent: Judge.hook("/hook", "cannot run /hook: Permission denied")),
        Case(.hookUnusable, Judge.hook("/hook", "cannot run /hook: Permission denied"), silent: Judge.hook("/hook", nil)),
        Case(.reportsForeign, reports("reports@example.com"), silent: reports("reports@EXAMPLE.org")),
        Case(.reportsForeign, reports("reports@sub.example.org"), silent: reports("reports@bücher.example")),
        Case(.reportsUnusable, reports("reports@\u{2603}.example"), silent: reports("reports@example.com")),
        Case(.domainsUnusable, Judge.domains(1, others: ["\u{2603}.example"]), silent: Judge.domains(0)),
    ]

    private static func authority(_ fault: ACMEFault) -> [Finding] {
        ResourceURL("https://ca.example/dir").map { Judge.authority($0, fault) } ?? []
    }

    static let machine: [Case] = [
        Case(.tlsOff, CertificateFacts.seen(.off), silent: CertificateFacts.seen(.notMade)),
        Case(.tlsNotMade, CertificateFacts.seen(.notMade), silent: CertificateFacts.seen(.off)),
        Case(.tlsNotIssued, issued("missing", fault: "refused"), silent: issued("missing")),
        Case(.tlsNotRenewed, issued("valid", fault: "refused"), silent: issued("valid")),
        Case(.tlsUnusable, CertificateFacts.seen(.unusable("not its key")), silent: CertificateFacts.seen(.notMade)),
        Case(.tlsSelfSigned, Judge.certificate(.example(trust: .selfSigned)), silent: Judge.certificate(.example())),
        Case(.tlsIncomplete, Judge.certificate(.example(trust: .incomplete(issuer: "R11"))), silent: Judge.certificate(.example(trust: .unknownRoot("R")))),
        Case(.tlsUnknownRoot, Judge.certificate(.example(trust: .unknownRoot("R"))), silent: Judge.certificate(.example(trust: .incomplete(issuer: "R")))),
        Case(
            .tlsRefused, Judge.certificate(.example(trust: .refused("a constraint"))),
            silent: Judge.certificate(.example(days: -1, trust: .refused("expired")))),
        Case(.tlsExpired, Judge.certificate(.example(days: -1)), silent: Judge.certificate(.example(days: 1))),
        Case(.tlsEarly, Judge.certificate(.example(since: -1)), silent: Judge.certificate(.example(since: 1))),
        Case(.tlsExpiresNow, Judge.certificate(.example(days: 6)), silent: Judge.certificate(.example(days: 8))),
        Case(.tlsExpiresSoon, Judge.certificate(.example(days: 29)), silent: Judge.certificate(.example(days: 31))),
        Case(.tlsNames, Judge.certificate(.example(uncovered: ["mail.example.org"])), silent: Judge.certificate(.example())),
        Case(.tlsNotLoaded, Judge.certificate(.example(isInUse: false)), silent: Judge.certificate(.example(isInUse: true))),
        Case(.tlsUnshown, Judge.certificate(.example(isShown: false)), silent: Judge.certificate(.example())),
        Case(.tlsKeyOpen, Judge.certificate(.example(keyMode: 0o644)), silent: Judge.certificate(.example(keyMode: 0o640))),
        Case(.tlsNames, DomainFacts.with { $0.uncovered = [host] }, silent: DomainFacts.with { $0.uncovered = [other] }),
        Case(.clockUnseen, Judge.clock(ClockFacts(isKept: false)), silent: Judge.clock(ClockFacts(isKept: true))),
        Case(.diskFull, Judge.disk(.example(free: 255 << 20)), silent: Judge.disk(.example(free: 257 << 20))),
        Case(.diskLow, Judge.disk(.example(free: 4 << 30)), silent: Judge.disk(.example(free: 6 << 30))),
        Case(.diskFilesLow, Judge.disk(.example(freeFiles: 9_000)), silent: Judge.disk(.example(freeFiles: 0, files: 0))),
        Case(.diskMemory, Judge.disk(.example(isMemory: true)), silent: Judge.disk(.example())),
        Case(.diskHasty, Judge.disk(.example(syncs: [3, 4_000, 2, 3, 5])), silent: Judge.disk(.example(syncs: [3, 40, 30, 20, 5]))),
        Case(.diskSlow, Judge.disk(.example(syncs: [150_000, 200_000, 300])), silent: Judge.disk(.example(syncs: [150_000, 200, 300]))),
        Case(.diskSlow, Judge.disk(.example(rate: 1 << 20)), silent: Judge.disk(.example(rate: nil))),
        Case(.folderMissing, Judge.folder(.example(mode: nil)), silent: Judge.folder(.example())),
        Case(.folderOpen, Judge.folder(.example(mode: 0o750)), silent: Judge.folder(.example())),
        Case(.folderOpen, Judge.folder(.example(keyMode: 0o644)), silent: Judge.folder(.example())),
        Case(.folderForeign, Judge.folder(.example(owner: 0)), silent: Judge.folder(.example(owner: 0, isServed: true))),
        Case(.keyMissing, Judge.folder(.example(keyMode: nil)), silent: Judge.folder(.example())),
        Case(.keyWithData, Judge.folder(.example(key: "/data/master.key")), silent: Judge.folder(.example())),
        Case(.filesFew, Judge.limits(LimitFacts(files: 1_024, connections: 20_000)), silent: Judge.limits(LimitFacts(files: 20_000, connections: 20_000))),
    ]

    /// One that ends in twenty days.
    private static func issued(_ state: String, fault: String? = nil) -> [Finding] {
        let now = Timestamp(rawValue: 1_790_000_000)
        var line = CertificateLine(name: "mail.example.org", source: "acme", state: state, names: ["mail.example.org"])
        (line.fault, line.notAfter) = (fault, Timestamp(rawValue: now.rawValue + 20 * 86_400).description)
        return Judge.issued(line, for: "mail.example.org", now: now)
    }

    private static func queue(oldest: Int64? = nil, held: Int = 0, isSending: Bool = true) -> [Finding] {
        Judge.queue(QueueFacts(oldest: oldest, said: "451 later", held: held, hasMoreHeld: false, isSending: isSending))
    }

    private static func listener(_ service: Service, _ answer: ListenerFacts.Answer, isRunning: Bool = true) -> [Finding] {
        Judge.listener(ListenerFacts(service: service, address: "0.0.0.0", port: 25, answer: answer), host: host, isRunning: isRunning)
    }

    private static func smtp(_ address: String, _ port: Int) -> [Finding] { Judge.listeners([.init(service: .smtp, address: address, port: port)]) }

    static let serving: [Case] = [
        Case(.outboundOff, queue(isSending: false), silent: queue()),
        Case(.queueOld, queue(oldest: 90_000), silent: queue(oldest: 80_000)),
        Case(.queueWaiting, queue(oldest: 15_000), silent: queue(oldest: 14_000)),
        Case(.queueHeld, queue(held: 1), silent: queue()),
        Case(.storeDamaged, Judge.store(StoreFacts(problems: ["a body is not as it was", "another"])), silent: Judge.store(StoreFacts(problems: []))),
        Case(.serverStopped, Judge.server(isRunning: false, data: "/data"), silent: Judge.server(isRunning: true, data: "/data")),
        Case(.listenerSilent, listener(.smtp, .silent("refused")), silent: listener(.smtp, .silent("refused"), isRunning: false)),
        Case(.listenerStranger, listener(.smtp, .said("220 other.example ESMTP Postfix")), silent: listener(.smtp, .said("220 mail.example.org ESMTP"))),
        Case(.listenerStranger, listener(.imaps, .said("+OK"), isRunning: false), silent: listener(.imaps, .said("* OK [CAPABILITY IMAP4rev2] Martlet ready"))),
        Case(
            .listenerStranger, listener(.imaps, .said("* OK [CAPABILITY IMAP4rev1 IDLE] Dovecot ready.")),
            silent: listener(.imaps, .said("* BYE Too many connections, try again later"))),
        Case(.listenerStranger, listener(.pop3, .said("+OK Dovecot ready.")), silent: listener(.pop3, .said("-ERR [SYS/TEMP] Too many connections"))),
        Case(.listenerStranger, listener(.pop3, .said("* OK")), silent: listener(.pop3, .said("+OK Martlet ready"))),
        Case(.listenerStranger, listener(.submission, .said("+OK ready")), silent: listener(.submission, .said("421 mail.example.org too many"))),
        Case(
            .listenerStranger, listener(.https, .said("HTTP/1.1 404 Not Found")),
            silent: listener(.https, .said("HTTP/1.1 200 OK", content: "{\"status\":\"ok\"}\n"))),
        Case(
            .listenerStranger, listener(.https, .said("HTTP/1.1 200 OK", content: "<html>")),
            silent: listener(.https, .said("HTTP/1.1 429 Too Many Requests", content: ""))),
        Case(.listenerStranger, listener(.imaps, .notTLS("220 other.example ESMTP")), silent: listener(.imaps, .guarded)),
        Case(.listenerStranger, listener(.imaps, .notTLS(nil), isRunning: false), silent: listener(.imaps, .silent("no answer in time"))),
        Case(.listenerForbidden, listener(.smtp, .forbidden("Permission denied")), silent: listener(.smtp, .silent("Connection refused"))),
        Case(.listenerForbidden, listener(.smtp, .forbidden("Permission denied"), isRunning: false), silent: listener(.smtp, .guarded)),
        Case(.listenerStranger, listener(.http, .said("SSH-2.0-OpenSSH_9.2")), silent: listener(.http, .said("HTTP/1.1 503 Service Unavailable"))),
        Case(.listenerLoopback, smtp("127.0.0.1", 25), silent: smtp("0.0.0.0", 25)), Case(.listenerPort, smtp("::", 2525), silent: smtp("::", 25)),
    ]

    /// Those that gathering makes: `CheckRunTests`, and the tests from outside.
    static let elsewhere: Set<FindingKind> = [.folderUnusable, .storeUnseen, .checkFailed, .checkUnfinished]

    @Test("it comes of what is wrong, and not of what is next to it", arguments: names + senders + web + machine + serving)
    func pairs(_ pair: Case) {
        let fires = pair.fires().map(\.kind)
        #expect(fires.contains(pair.kind), "\(fires.map(\.id))")
        #expect(!pair.silent().map(\.kind).contains(pair.kind), "\(pair.silent().map(\.problem))")
    }

    @Test("each has its two")
    func complete() {
        let tested = Set((Self.names + Self.senders + Self.web + Self.machine + Self.serving).map(\.kind)).union(Self.elsewhere)
        #expect(Set(FindingKind.all).subtracting(tested).map(\.id).isEmpty)
        #expect(Set(FindingKind.all.map(\.id)).count == FindingKind.all.count)
        #expect(tested.isSubset(of: FindingKind.all))
    }

    @Test("where all is well nothing is found")
    func good() {
        #expect(Judge.domain(.good).isEmpty && Judge.sender(.example()).isEmpty && Judge.disk(.example()).isEmpty)
        #expect(Judge.folder(.example()).isEmpty && Judge.certificate(.example()).isEmpty && Self.queue().isEmpty)
    }

    @Test("an error is never nothing there: nobody is told that a record is missing which nobody could ask for")
    func faults() {
        var facts = DomainFacts.good
        facts.exchangers = .failure(.timedOut)
        facts.texts = .failure(.timedOut)
        facts.alignment = .failure(.timedOut)
        facts.tlsReports = .failure(.timedOut)
        facts.keys = .failure(.timedOut)
        facts.issuers = .failure(.timedOut)
        facts.services = facts.services.mapValues { _ in .failure(.timedOut) }
        facts.hosts = facts.hosts.mapValues { $0.map { _ in .failure(.timedOut) } }
        facts.coverage = [address("11.0.0.1"): .unanswered(.timedOut)]
        #expect(Judge.domain(facts).map(\.kind) == [.unanswered])
    }
}
