import CIndexFile
import Storage

/// The file system that connections to `index.db` use: it seals the pages that are written, and checks those that are read. Connections hold it.
final class IndexVFS: Sendable {
    private let tags: PageTags
    /// `nonisolated(unsafe)`: the pointer never changes, and what it points at is SQLite's to lock.
    nonisolated(unsafe) private let vfs: UnsafeMutableRawPointer

    init(_ tags: PageTags) throws {
        self.tags = tags
        // It lives as long as this object, which the VFS does not outlive.
        let context = Unmanaged.passUnretained(tags).toOpaque()
        guard let vfs = cindexfile_register(cindexfile_seal(context: context, seal: sealPage, check: checkPage)) else {
            throw StorageFault.unavailable("SQLite cannot be given a file system")
        }
        self.vfs = vfs
    }

    /// Another file was put in the index's place: what is kept of pages is not this one's. No connection may be open.
    func forgetPages() { cindexfile_replaced(vfs) }

    deinit { cindexfile_forget(vfs) }

    func withName<Value>(_ body: (UnsafePointer<CChar>?) throws -> Value) rethrows -> Value { try body(cindexfile_name(vfs)) }
}

private func sealPage(
    _ context: UnsafeMutableRawPointer?, _ number: UInt32, _ octets: UnsafePointer<UInt8>?, _ trailer: UnsafeMutablePointer<UInt8>?
) -> Int32 {
    guard let context, let octets, let trailer else { return 1 }
    let tags = Unmanaged<PageTags>.fromOpaque(context).takeUnretainedValue()
    do {
        try tags.seal(
            number, UnsafeRawBufferPointer(start: octets, count: PageTags.content), into: UnsafeMutableRawBufferPointer(start: trailer, count: PageTags.trailer)
        )
        return 0
    } catch {
        return 1
    }
}

private func checkPage(
    _ context: UnsafeMutableRawPointer?, _ number: UInt32, _ octets: UnsafePointer<UInt8>?, _ trailer: UnsafePointer<UInt8>?
) -> Int32 {
    guard let context, let octets, let trailer else { return 1 }
    let tags = Unmanaged<PageTags>.fromOpaque(context).takeUnretainedValue()
    let isRight = tags.check(
        number, UnsafeRawBufferPointer(start: octets, count: PageTags.content), UnsafeRawBufferPointer(start: trailer, count: PageTags.trailer))
    return isRight ? 0 : 1
}
