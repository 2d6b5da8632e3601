import MessageFormat
import NIOCore

/// What is done to octets between their coming and their being kept. Checks see them as they came.
enum Repair: Sendable {
    /// A client's own message is kept as it is.
    case none
    /// Binary parts are stored as base64.
    case binary(BinaryParts)
    /// A header that comes from outside is made one that readers understand.
    case header(IncomingHeader)

    var survey: HeaderSurvey? { if case .header(let header) = self { header.survey } else { nil } }
}

/// A recoder that ends once.
struct BinaryParts: Sendable {
    private var recoder: BinaryRecoder? = BinaryRecoder()

    mutating func recode(_ octets: ByteBuffer) -> ByteBuffer { recoder?.recode(octets) ?? octets }

    mutating func finish() -> ByteBuffer {
        defer { recoder = nil }
        return recoder?.finish() ?? ByteBuffer()
    }
}
