/// What is wrong with a message, of the things that the parser works around.
package enum MessageDefect: String, CaseIterable, Sendable, Hashable, Encodable {
    case lineWithoutFieldName
    case headerWithoutEnd
    case headerTooLarge
    case tooManyAddresses
    case tooManyParameters
    case tooManyParts
    case tooDeep
    case contentTypeUnreadable
    case multipartWithoutBoundary
    case multipartWithoutParts
    case missingEndBoundary
    case encodedMessage
    case unknownEncoding
    case unknownCharset
    case dateMissing
    case dateUnreadable
    case fromMissing
    case eightBitHeader
    case bareLineFeed
    case bareCarriageReturn
    case nul
    case lineTooLong
}
