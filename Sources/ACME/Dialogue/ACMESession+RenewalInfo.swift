import MailModel

extension ACMESession {
    /// When the CA would have a certificate renewed (RFC 9773 §4); nil: it says nothing about any.
    func renewalInfo(of certificateID: String) async throws -> RenewalInfo? {
        guard let place = try await service().renewalInfo else { return nil }
        let separator = place.description.hasSuffix("/") ? "" : "/"
        guard let url = ResourceURL(place.description + separator + certificateID) else { throw ACMEFault.malformed("a place of renewal information") }
        let reply = try await get(url)
        let object = try JSONText.decode(RenewalInfoObject.self, reply.content, "renewal information")
        guard let start = Timestamp(dateTime: object.suggestedWindow.start), let end = Timestamp(dateTime: object.suggestedWindow.end), start < end else {
            throw ACMEFault.malformed("renewal information without a window")
        }
        let now = now().rawValue
        let wait = reply.field("retry-after").flatMap(until).map { $0.rawValue - now } ?? RenewalInfo.usualWait
        return RenewalInfo(
            start: start, end: end, nextLook: Timestamp(rawValue: now + min(max(wait, RenewalInfo.waits.lowerBound), RenewalInfo.waits.upperBound)),
            explanation: object.explanationURL.map(ACMEFault.oneLine))
    }
}
