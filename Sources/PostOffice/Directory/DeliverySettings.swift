package import MailModel

/// What an account wants done with what comes for it.
package struct DeliverySettings: Hashable, Sendable {
    /// Where its mail is sent on to.
    package var forwardsTo: [Address] = []
    /// What is sent on lies in the account's mailbox too.
    package var keepsCopy = true
    /// Mail for NAME+DETAIL is filed in the mailbox called DETAIL, where there is one (RFC 5233).
    package var filesByDetail = false

    package init() {}
}

/// As they are kept, by the number of the account.
struct StoredDeliverySettings: Codable {
    var forwardsTo: [String]?
    var keepsCopy: Bool?
    var filesByDetail: Bool?

    init(_ settings: DeliverySettings) {
        forwardsTo = settings.forwardsTo.map { "\($0.localPart)@\($0.domain)" }
        keepsCopy = settings.keepsCopy
        filesByDetail = settings.filesByDetail
    }

    var settings: DeliverySettings {
        var settings = DeliverySettings()
        settings.forwardsTo = (forwardsTo ?? []).compactMap { Address($0) }
        settings.keepsCopy = keepsCopy ?? true
        settings.filesByDetail = filesByDetail ?? false
        return settings
    }
}
