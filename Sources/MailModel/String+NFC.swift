@_spi(_Unicode) import Swift

extension String {
    /// The string in Unicode normalisation form C; as it is when it is all ASCII, without a copy.
    package var normalizedC: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return self }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: _nfc)
        return String(result)
    }
}
