import FoundationEssentials
import NIOCore

/// JSON as this module writes and reads it.
enum JSONText {
    /// Members in order of name and no blanks: the form of which thumbprints are taken (RFC 7638 §3.3).
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// - parameter what: it is meant to be, for the fault.
    static func decode<Value: Decodable>(_ type: Value.Type, _ content: ByteBuffer, _ what: String) throws(ACMEFault) -> Value {
        do { return try JSONDecoder().decode(type, from: Data(content.readableBytesView)) } catch {
            throw .malformed("\(what) that cannot be read: \(reason(error))")
        }
    }

    /// Which member is wrong; never what stands in it.
    private static func reason(_ error: any Error) -> String {
        func place(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? "it is no such JSON" : "\(ACMEFault.oneLine(path)) is wrong"
        }
        return switch error {
        case DecodingError.keyNotFound(let key, _): "\(key.stringValue) is missing"
        case DecodingError.valueNotFound(_, let context), DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context): place(context)
        default: "it is no JSON"
        }
    }
}
