import Glibc
import MailModel
import Storage

/// Where bodies lie: `segments/N.mbs`, many bodies each, and `large/ID.mbl`, one body each. Names are numbers, never a user's words.
struct BodyFolder: Sendable {
    let segments: String
    let large: String

    init(in folder: String) throws {
        segments = folder + "/segments"
        large = folder + "/large"
        try Disk.makeFolder(segments)
        try Disk.makeFolder(large)
        try Disk.syncFolder(folder)
    }

    func segment(_ id: Int64) -> String { "\(segments)/\(id).mbs" }
    /// Where files go that the index does not know.
    var aside: String { segments.dropLast("segments".count) + "aside" }
    func file(_ body: BodyID) -> String { "\(large)/\(body.rawValue).mbl" }

    /// The ids of files that are there.
    func segmentIDs() -> [Int64] { Disk.names(in: segments).compactMap { $0.hasSuffix(".mbs") ? Int64($0.dropLast(4)) : nil } }
    func fileIDs() -> [BodyID] {
        Disk.names(in: large).compactMap { $0.hasSuffix(".mbl") ? Int64($0.dropLast(4)).map { BodyID(rawValue: $0) } : nil }
    }
}

/// Where the index says a body is. `segment` 0: a file of its own.
struct BodyPlace: Hashable, Sendable {
    var segment: Int64
    /// Of the record's header.
    var position: Int64
    /// With the header.
    var length: Int64
}

extension BodyPlace {
    /// Checks where a row says that a body lies: within a file, as long as a body of that size is.
    static func check(_ body: Int64, segment: Int64, position: Int64, size: Int64) throws {
        guard IndexRange.id.contains(segment), IndexRange.octets.contains(position), IndexRange.size.contains(size) else {
            throw StorageFault.corrupt("body \(body): its place (segment \(segment), position \(position), size \(size))")
        }
    }
}
