// For the codes that the program itself gives, whose numbers are in their ranges.
extension EnhancedStatus {
    /// 5.`subject`.`detail`; a number beyond 999 is 0, "other or undefined".
    package static func permanent(_ subject: UInt16, _ detail: UInt16) -> EnhancedStatus { EnhancedStatus(5, subject, detail) }

    /// 4.`subject`.`detail`; the same.
    package static func transient(_ subject: UInt16, _ detail: UInt16) -> EnhancedStatus { EnhancedStatus(4, subject, detail) }

    /// 2.`subject`.`detail`; the same.
    package static func success(_ subject: UInt16, _ detail: UInt16) -> EnhancedStatus { EnhancedStatus(2, subject, detail) }

    private init(_ category: UInt8, _ subject: UInt16, _ detail: UInt16) {
        self.category = category
        self.subject = subject > 999 ? 0 : subject
        self.detail = detail > 999 ? 0 : detail
    }
}
