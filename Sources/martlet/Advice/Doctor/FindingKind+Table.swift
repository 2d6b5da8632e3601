extension FindingKind {
    static let resolverFails = FindingKind("dns.resolver.fails", .error, "names cannot be looked up, so no mail leaves")
    static let resolverForges = FindingKind("dns.resolver.forges", .error, "the resolvers that are asked leave DNSSEC's signatures out, or forge")
    static let resolverUnproved = FindingKind("dns.resolver.unproved", .warning, "names are found, and DNSSEC proves none of them")
    static let resolverTrusting = FindingKind("dns.resolver.trusting", .advice, "no trust anchor is configured, so nothing is proved")
    static let unanswered = FindingKind("dns.unanswered", .warning, "name servers did not answer what others ask them")
    static let bogus = FindingKind("dns.bogus", .error, "DNSSEC shows records of the domain to be broken, so that whoever checks sees none")
    static let unsigned = FindingKind("dns.unsigned", .advice, "the domain's zone is not signed, so nobody can prove where its mail goes")
    static let domainGone = FindingKind("dns.domain.gone", .error, "the domain does not exist in DNS")
    static let mxMissing = FindingKind("dns.mx.missing", .error, "the domain has no MX record")
    static let mxNull = FindingKind("dns.mx.null", .error, "the domain says that it takes no mail")
    static let mxNullBeside = FindingKind("dns.mx.null-beside", .error, "the domain says that it takes no mail, beside MX records that say otherwise")
    static let mxElsewhere = FindingKind("dns.mx.elsewhere", .error, "no MX of the domain is this server")
    static let mxNotFirst = FindingKind("dns.mx.not-first", .advice, "another server is asked before this one")
    static let mxAlias = FindingKind("dns.mx.alias", .warning, "an MX names an alias")
    static let mxAddress = FindingKind("dns.mx.address", .error, "an MX names an address instead of a host")
    static let mxUnresolved = FindingKind("dns.mx.unresolved", .error, "an MX names a host that has no address")
    static let hostElsewhere = FindingKind("dns.host.elsewhere", .error, "the MX host's addresses are not this server's")
    static let hostOther = FindingKind("dns.host.other", .warning, "the MX host also has an address that is not this server's")
    static let hostUnknown = FindingKind("dns.host.unknown", .unseen, "whether the MX host's addresses are this server's")
    static let spfMissing = FindingKind("dns.spf.missing", .warning, "the domain has no SPF record")
    static let spfSeveral = FindingKind("dns.spf.several", .error, "the domain has several SPF records, which is none")
    static let spfBroken = FindingKind("dns.spf.broken", .error, "the domain's SPF record cannot be followed")
    static let spfExcludes = FindingKind("dns.spf.excludes-us", .error, "the domain's SPF record leaves out an address that its mail comes from")
    static let spfOpen = FindingKind("dns.spf.open", .warning, "the domain's SPF record lets everybody send")
    static let spfUnknown = FindingKind("dns.spf.unknown", .unseen, "whether the domain's SPF record has this server's addresses")
    static let dkimNone = FindingKind("dns.dkim.none", .warning, "the domain has no key to sign its mail with")
    static let dkimUnused = FindingKind("dns.dkim.unused", .warning, "no key of the domain signs yet, as no record of one is published")
    static let dkimMissing = FindingKind("dns.dkim.missing", .error, "a key signs, or has until lately, and its record is not there")
    static let dkimDiffers = FindingKind("dns.dkim.differs", .error, "the record of a signing key is another's, or cannot be used")
    static let dkimPending = FindingKind("dns.dkim.pending", .advice, "a key waits for its record")
    static let dkimShort = FindingKind("dns.dkim.short", .warning, "a key that signs is shorter than verifiers want")
    static let dkimRetired = FindingKind("dns.dkim.retired", .advice, "the record of a destroyed key is still there")
    static let dmarcMissing = FindingKind("dns.dmarc.missing", .warning, "the domain has no DMARC record")
    static let dmarcSeveral = FindingKind("dns.dmarc.several", .error, "the domain has several DMARC records, which is none")
    static let dmarcBroken = FindingKind("dns.dmarc.broken", .error, "the domain's DMARC record has no policy that others understand")
    static let tlsReportsMissing = FindingKind("dns.tls-reports.missing", .advice, "nobody is asked to report where TLS to this server fails")
    static let tlsReportsBroken = FindingKind("dns.tls-reports.broken", .warning, "the record that asks for reports on TLS cannot be understood")
    static let transportPolicyMissing = FindingKind("dns.mta-sts.missing", .advice, "the domain has a policy for TLS, and no record says so")
    static let transportPolicyOther = FindingKind(
        "dns.mta-sts.other", .warning, "the record of the domain's policy for TLS cannot be understood, or is of another policy")
    static let tlsaMissing = FindingKind("dns.tlsa.missing", .advice, "the zone is signed, and no TLSA record says which key this server has")
    static let tlsaMismatch = FindingKind("dns.tlsa.mismatch", .error, "no TLSA record fits the certificate, so that servers that heed DANE bring no mail")
    static let tlsaUnusable = FindingKind("dns.tlsa.unusable", .warning, "none of the TLSA records is one that mail servers can use")
    static let tlsaUnproved = FindingKind("dns.tlsa.unproved", .warning, "there are TLSA records, and as their zone is not signed nobody heeds them")
    static let tlsaWithoutTLS = FindingKind("dns.tlsa.without-tls", .error, "TLSA records promise TLS, and it is off")
    static let srvMissing = FindingKind("dns.srv.missing", .advice, "mail programs cannot find the services by the domain")
    static let srvWrong = FindingKind("dns.srv.wrong", .warning, "mail programs are sent to where the service is not")
    static let caaForbids = FindingKind("dns.caa.forbids", .warning, "the authority of the certificate in use may issue no other for the host")
    static let domainsNone = FindingKind("domains.none", .advice, "mail is taken for no domain")
    static let hostnameShort = FindingKind("hostname.short", .warning, "the server's name is no full domain name")

    static let nameUnresolved = FindingKind("sender.name.unresolved", .error, "the name that this server gives has no address")
    static let nameOther = FindingKind("sender.name.other", .warning, "the name that this server gives does not lead to the address that it comes from")
    static let pointerMissing = FindingKind("sender.ptr.missing", .error, "an address that mail comes from has no name")
    static let pointerUnconfirmed = FindingKind("sender.ptr.unconfirmed", .error, "the name of an address that mail comes from does not lead back to it")
    static let pointerOther = FindingKind("sender.ptr.other", .advice, "an address that mail comes from is called otherwise than the server calls itself")
    static let senderUnknown = FindingKind("sender.unknown", .unseen, "from which address other servers see mail come")
    static let outboundOff = FindingKind("outbound.off", .advice, "mail to other servers is held")
    static let portOutBlocked = FindingKind("outbound.blocked", .error, "no connection to another server's port 25 can be made")
    static let portOutUnseen = FindingKind("outbound.unseen", .unseen, "whether other servers' port 25 can be reached")
    static let portInUnseen = FindingKind("inbound.unseen", .unseen, "whether the world reaches this server's port 25")
    static let relayUnseen = FindingKind("relay.unseen", .unseen, "what a stranger may send by this server, as it is seen from outside")
    static let listsUnseen = FindingKind("blocklists.unseen", .unseen, "whether lists of spammers have this server's addresses")

    static let tlsOff = FindingKind("tls.off", .warning, "TLS is off")
    static let tlsUnusable = FindingKind("tls.unusable", .error, "the certificate or its key cannot be used")
    static let tlsNotMade = FindingKind("tls.not-made", .advice, "there is no certificate yet")
    static let tlsNotIssued = FindingKind("tls.not-issued", .warning, "no certificate could be had from the CA yet")
    static let tlsNotRenewed = FindingKind("tls.not-renewed", .warning, "the certificate could not be renewed, and is tried again")
    static let tlsSelfSigned = FindingKind("tls.self-signed", .warning, "the certificate is self-signed, so that mail programs complain")
    static let tlsIncomplete = FindingKind("tls.incomplete", .error, "the certificate's chain is incomplete")
    static let tlsUnknownRoot = FindingKind("tls.unknown-root", .warning, "the certificate comes from an authority that this system does not know")
    static let tlsRefused = FindingKind("tls.refused", .error, "the certificate's chain does not hold")
    static let tlsExpired = FindingKind("tls.expired", .error, "the certificate has expired")
    static let tlsEarly = FindingKind("tls.early", .error, "the certificate is not valid yet")
    static let tlsExpiresNow = FindingKind("tls.expires-in-a-week", .error, "the certificate expires within 7 days")
    static let tlsExpiresSoon = FindingKind("tls.expires-in-a-month", .warning, "the certificate expires within 30 days")
    static let tlsNames = FindingKind("tls.names", .error, "the certificate is not for the name by which the server is reached")

    static let tlsNotLoaded = FindingKind("tls.not-loaded", .warning, "the running server shows another certificate than the file has")

    static let clockWrong = FindingKind("clock.wrong", .error, "by the clock, signatures of DNSSEC's root are not valid now")
    static let clockUnseen = FindingKind("clock.unseen", .unseen, "whether the clock is right")

    static let diskFull = FindingKind("disk.full", .error, "the disk has so little room that mail is refused")
    static let diskLow = FindingKind("disk.low", .warning, "the disk is nearly full")
    static let diskFilesLow = FindingKind("disk.files-low", .warning, "the file system has hardly any files left")
    static let diskMemory = FindingKind("disk.memory", .error, "the data folder lies in memory, and a power cut loses all mail")
    static let diskHasty = FindingKind("disk.hasty", .warning, "the disk says so quickly that data are safe that it may not be so")
    static let diskSlow = FindingKind("disk.slow", .warning, "the disk takes long to make data safe")
    static let folderMissing = FindingKind("data.missing", .error, "there is no data folder")
    static let folderOpen = FindingKind("data.open", .error, "others can look into the data folder, or at its key")
    static let folderForeign = FindingKind("data.foreign", .error, "the data folder, or its key, is another user's")
    static let folderUnusable = FindingKind("data.unusable", .error, "the store cannot be opened")
    static let keyMissing = FindingKind("data.key-missing", .error, "the master key is missing")
    static let keyWithData = FindingKind("data.key-inside", .advice, "the master key lies in the data folder")

    static let queueOld = FindingKind("queue.old", .warning, "mail has waited for more than a day")
    static let queueWaiting = FindingKind("queue.waiting", .advice, "mail has waited for some hours")
    static let queueHeld = FindingKind("queue.held", .warning, "mail is held, and goes nowhere until somebody releases it")
    static let storeDamaged = FindingKind("store.damaged", .error, "what is stored is not all as it was")
    static let storeUnseen = FindingKind("store.unseen", .unseen, "whether all that is stored is as it was")

    static let serverStopped = FindingKind("server.stopped", .warning, "the server does not run")
    static let listenerSilent = FindingKind("listener.silent", .error, "a service does not answer at its own port")
    static let listenerStranger = FindingKind("listener.stranger", .error, "something else answers at a service's port")
    static let listenerLoopback = FindingKind("listener.loopback", .warning, "SMTP listens on this machine alone")
    static let listenerPort = FindingKind("listener.port", .advice, "SMTP does not listen on port 25")
    static let filesFew = FindingKind("limits.files", .warning, "fewer files may be open than connections are allowed")
    static let checkFailed = FindingKind("check.failed", .warning, "a check could not be made")
    static let checkUnfinished = FindingKind("check.unfinished", .warning, "a check did not end in time")

    /// In the order of the reference.
    static let all = [
        resolverFails, resolverForges, resolverUnproved, resolverTrusting, unanswered, bogus, unsigned, domainGone, mxMissing, mxNull, mxNullBeside,
        mxElsewhere, mxNotFirst, mxAlias, mxAddress, mxUnresolved, hostElsewhere, hostOther, hostUnknown, spfMissing, spfSeveral, spfBroken, spfExcludes,
        spfOpen, spfUnknown, dkimNone, dkimUnused, dkimMissing, dkimDiffers, dkimPending, dkimShort, dkimRetired, dmarcMissing, dmarcSeveral, dmarcBroken,
        tlsReportsMissing, tlsReportsBroken, transportPolicyMissing, transportPolicyOther, tlsaMissing, tlsaMismatch, tlsaUnusable,
        tlsaUnproved, tlsaWithoutTLS, srvMissing, srvWrong, caaForbids, domainsNone, hostnameShort, nameUnresolved, nameOther, pointerMissing,
        pointerUnconfirmed, pointerOther, senderUnknown, outboundOff, portOutBlocked, portOutUnseen, portInUnseen, relayUnseen, listsUnseen, tlsOff,
        tlsUnusable, tlsNotMade, tlsNotIssued, tlsNotRenewed, tlsSelfSigned, tlsIncomplete, tlsUnknownRoot, tlsRefused, tlsExpired, tlsEarly, tlsExpiresNow,
        tlsExpiresSoon, tlsNames,
        tlsNotLoaded,
        clockWrong, clockUnseen, diskFull, diskLow, diskFilesLow, diskMemory, diskHasty, diskSlow, folderMissing, folderOpen, folderForeign,
        folderUnusable, keyMissing, keyWithData, queueOld, queueWaiting, queueHeld, storeDamaged, storeUnseen, serverStopped, listenerSilent, listenerStranger,
        listenerLoopback, listenerPort, filesFew, checkFailed, checkUnfinished,
    ]
}
