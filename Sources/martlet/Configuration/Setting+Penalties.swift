// What failed logins lead to.
extension Setting {
    static let lockoutFailures = Setting(
        "auth.lockout.failures", .number(0...2_000), standard: "10",
        help:
            "Wrong passwords for one account from one network (IPv4 /24, IPv6 /64) within `auth.lockout.window` that lock the account for that network; three times as many, of one address, where the account has logged in before; 0: it is never locked"
    )
    static let lockoutWindow = Setting("auth.lockout.window", .number(1...604_800), standard: "900", help: "Seconds in which `auth.lockout.failures` counts")
    static let lockoutDuration = Setting(
        "auth.lockout.duration", .number(1...2_592_000), standard: "900", help: "Seconds of the first lockout; each further one takes twice as long")
    static let longestLockout = Setting("auth.lockout.longest", .number(1...2_592_000), standard: "86400", help: "Seconds that a lockout takes at most")
    static let banFailures = Setting(
        "auth.ban.failures", .number(0...6_000), standard: "50",
        help:
            "Failed logins of one address (IPv6: /64), whatever the accounts, within `auth.ban.window` that close all ports to it; the same wrong password for the same account again counts once; 0: none do"
    )
    static let banWindow = Setting("auth.ban.window", .number(1...604_800), standard: "3600", help: "Seconds in which `auth.ban.failures` counts")
    static let banDuration = Setting(
        "auth.ban.duration", .number(1...31_536_000), standard: "3600", help: "Seconds of an address's first ban; each further one takes twice as long")
    static let longestBan = Setting("auth.ban.longest", .number(1...31_536_000), standard: "604800", help: "Seconds that such a ban takes at most")

    /// In the order of the reference.
    static let penalties: [Setting] = [
        lockoutFailures, lockoutWindow, lockoutDuration, longestLockout, banFailures, banWindow, banDuration, longestBan,
    ]
}
