import FoundationEssentials

/// How values of a `KeyValueStore` are written: JSON, so that a field that comes later is no other form.
package enum StoredJSON {
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(value))
    }

    /// `corrupt` for what is no such value.
    package static func decode<Value: Decodable>(_ type: Value.Type, _ octets: [UInt8]) throws -> Value {
        do { return try JSONDecoder().decode(type, from: Data(octets)) } catch {
            throw StorageFault.corrupt("a value that cannot be read: \(type)")
        }
    }
}
