extension Intake {
    /// A question asked of every message once its header is there, before anything is written. The list of them is where judgement of the
    /// sender (SPF, DKIM, DMARC) comes in.
    package struct Check: Sendable {
        /// For the log.
        package let name: String
        /// Nil: no objection.
        package let judge: @Sendable (Envelope, HeaderSurvey) async -> Refusal?

        package init(name: String, judge: @escaping @Sendable (Envelope, HeaderSurvey) async -> Refusal?) {
            self.name = name
            self.judge = judge
        }

        /// RFC 5321 §6.3.
        package static let hops = Check(name: "hops") { _, survey in survey.hops > HeaderSurvey.mostHops ? .loop : nil }

        package static let standard = [hops]
    }
}
