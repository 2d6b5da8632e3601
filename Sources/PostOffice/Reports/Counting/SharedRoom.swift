import MailModel

/// Room for so much, of which no name gets more than a share with all that is below it: who owns a name has as many names below it as he likes, each with a policy of
/// its own (`psd=n` in a wildcard makes each an organization), so that only the names themselves tell who shares. Of names of three labels the share is small; of those of
/// two, below which there may be many owners (`co.uk`), it is larger.
struct SharedRoom: Sendable {
    let most: Int
    /// Of `most`: of a name of two labels, and of one of three.
    let shares: [Int]
    private var used: [Substring: Int] = [:]

    init(most: Int, shares: [Int]) {
        self.most = most
        self.shares = shares
    }

    func admits(_ amount: Int, of domain: Domain) -> Bool {
        guard amount > 0 else { return true }
        return zip(names(domain), [most] + shares).allSatisfy { name, most in used[name, default: 0] + amount <= most }
    }

    /// - parameter amount: below nothing: so much is given back.
    mutating func take(_ amount: Int, of domain: Domain) {
        guard amount != 0 else { return }
        for name in names(domain) {
            let sum = used[name, default: 0] + amount
            used[name] = sum > 0 ? sum : nil
        }
    }

    /// That of all, and those whose share it is: a shorter name has only those that it reaches.
    private func names(_ domain: Domain) -> [Substring] {
        let labels = domain.value.split(separator: ".")
        return [""] + (2..<2 + shares.count).prefix { $0 <= labels.count }.map { domain.value[labels[labels.count - $0].startIndex...] }
    }
}

/// What tallies of some days take: how many there are, and how large.
struct TallyRoom: Sendable {
    private(set) var sizes: [ReportDay: Int] = [:]
    private var domains: SharedRoom
    private var octets: SharedRoom

    init(_ terms: DailyTerms) {
        domains = SharedRoom(most: terms.mostDomains, shares: [terms.mostDomains / 5, terms.mostDomains / 50])
        octets = SharedRoom(most: terms.mostDayOctets, shares: [terms.mostDayOctets / 4, terms.mostDayOctets / 16])
    }

    /// Whether it may take so much, in the place of what it takes.
    func admits(_ size: Int, for day: ReportDay) -> Bool {
        domains.admits(sizes[day] == nil ? 1 : 0, of: day.domain) && octets.admits(size - sizes[day, default: 0], of: day.domain)
    }

    /// - parameter size: nil: it is gone.
    mutating func set(_ size: Int?, for day: ReportDay) {
        domains.take((size == nil ? 0 : 1) - (sizes[day] == nil ? 0 : 1), of: day.domain)
        octets.take((size ?? 0) - sizes[day, default: 0], of: day.domain)
        sizes[day] = size
    }
}
