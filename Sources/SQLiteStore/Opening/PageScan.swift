import Glibc
import NIOCore
import Storage

/// Looks at every page of the database as it lies in its file, also at those that no table's rows are on now.
struct PageScan {
    /// One line each.
    private(set) var faults: [String] = []

    private static let most = 100
    /// A page that is written at this moment is whole the next.
    private static let tries = 3

    init(_ file: IndexFile) throws {
        let fd = try Disk.open(file.path, O_RDONLY)
        defer { close(fd) }
        let pages = Disk.size(of: fd) / Int64(PageTags.page)
        for page in stride(from: Int64(1), through: pages, by: 1) where faults.count < PageScan.most {
            guard let number = UInt32(exactly: page) else { break }
            let position = (page - 1) * Int64(PageTags.page)
            var fault: String?
            for _ in 0..<PageScan.tries {
                fault = "it is not what was stored"
                do {
                    let octets = try Disk.read(PageTags.page, from: fd, at: position, path: file.path)
                    // A page that was never written is zeros: free, or its content lies in the WAL.
                    guard octets.withUnsafeReadableBytes({ file.tags.fits(number, $0) }) || octets.readableBytesView.allSatisfy({ $0 == 0 }) else { continue }
                    fault = nil
                    break
                } catch {
                    fault = "\(error)"
                }
            }
            if let fault { faults.append("page \(page) of the index: \(fault)") }
        }
    }
}
