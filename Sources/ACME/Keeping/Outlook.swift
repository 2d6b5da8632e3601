import MailModel

/// What is to be done next about a certificate, and when.
struct Outlook: Hashable {
    enum Step: Hashable {
        /// It is ordered, with all its names.
        case order
        /// It is ordered again if names can be had that it lacks.
        case extend
        /// The CA is asked when it should be renewed.
        case look
    }

    let step: Step
    let time: Timestamp

    /// - parameter issued: what there is and can be read.
    /// - parameter directory: of the CA that is used.
    init(
        _ wanted: WantedCertificate, _ stored: StoredCertificate, _ issued: IssuedCertificate?, _ troubles: [CertificateName: StoredTrouble],
        directory: ResourceURL, now: Timestamp
    ) {
        let held = max(stored.backOff ?? .min, stored.limit ?? .min)
        let requiredHeld = wanted.required.compactMap { troubles[$0]?.until }.max() ?? .min
        let due = Outlook.due(wanted, stored, issued, directory)
        let order = max(due?.rawValue ?? now.rawValue, held, requiredHeld)
        guard let issued, let due, now < due, let kept = stored.issued else {
            (step, time) = (.order, Timestamp(rawValue: order))
            return
        }
        var next = (step: Step.order, time: order)
        let lacking = wanted.optional.filter { !issued.names.contains($0) }
        if let first = lacking.map({ troubles[$0]?.until ?? now.rawValue }).min(), max(first, held) < next.time { next = (.extend, max(first, held)) }
        if kept.nextLook < next.time { next = (.look, kept.nextLook) }
        (step, time) = (next.step, Timestamp(rawValue: next.time))
    }

    /// When it is renewed; nil: at once, because there is none that will do.
    static func due(_ wanted: WantedCertificate, _ stored: StoredCertificate, _ issued: IssuedCertificate?, _ directory: ResourceURL) -> Timestamp? {
        guard let issued, let kept = stored.issued, kept.revoked == nil, kept.directory == directory, issued.key.kind == wanted.keyKind,
            Set(wanted.required).isSubset(of: issued.names)
        else { return nil }
        let info = kept.window.map {
            RenewalInfo(
                start: Timestamp(rawValue: $0.start), end: Timestamp(rawValue: $0.end), nextLook: Timestamp(rawValue: kept.nextLook),
                explanation: $0.explanation)
        }
        return RenewalPlan(notBefore: issued.notBefore, notAfter: issued.notAfter, info: info, place: kept.place).due
    }
}
