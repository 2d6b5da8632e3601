import MailModel
import PostOffice

extension Configuration {
    /// How senders of what other servers bring are judged.
    struct Trust: Sendable {
        var enabled: Bool
        var exempt: NetworkList
        var rejection: SenderRules.Rejection
        var doubt: SenderRules.Doubt
        var exclusion: SenderRules.Exclusion
        /// In ASCII.
        var sealers: [Domain]
    }

    /// As the judges want it.
    var senderRules: SenderRules {
        var rules = SenderRules(name: hostname.asciiForm ?? hostname)
        rules.rejection = trust.rejection
        rules.doubt = trust.doubt
        rules.exclusion = trust.exclusion
        rules.sealers = trust.sealers
        rules.exempt = [trust.exempt, relay.networks]
        return rules
    }
}

extension Configuration.Trust {
    init(_ values: SettingValues, isOutboundEnabled: Bool) throws(ConfigurationFault) {
        enabled = values.isSet(.trustEnabled) ? values.toggle(.trustEnabled) : isOutboundEnabled
        do { exempt = try NetworkList(values.list(.trustExempt).joined(separator: ",")) } catch {
            throw values.origin(of: .trustExempt).fault(.trustExempt, error.description, Setting.trustExempt.kind.remedy)
        }
        rejection =
            switch values.text(.dmarcReject) {
            case "always": .always
            case "never": .never
            default: .unlessIndirect
            }
        doubt = values.text(.dnsTrouble) == "accept" ? .accepted : .putOff
        exclusion =
            switch values.text(.spfFail) {
            case "refuse": .refused
            case "accept": .accepted
            default: .filedAsJunk
            }
        sealers = try values.items(.arcSealers, { text throws(ItemFault) in try DomainText.name(text) })
    }
}
