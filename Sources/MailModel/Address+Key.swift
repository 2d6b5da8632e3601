extension Address {
    /// What addresses of this house are looked up by: equal for all spellings that reach the same mailbox (case, A-labels and U-labels).
    package var key: String { localPart.lowercased() + "@" + (domain.asciiForm ?? domain).value }
}
