package import NIOCore

/// The first files of a zip archive, as report writers make them (APPNOTE.TXT §4.3). Names and sizes that it claims decide nothing: whoever expands a file bounds it.
package struct ZipArchive: Sendable {
    package struct File: Hashable, Sendable {
        /// Its octets stand as they are; otherwise they are deflated.
        package let isStored: Bool
        /// From its first octet on; where the archive does not say its length in front, to the end of all.
        package let octets: ByteBuffer
    }

    package let files: [File]
    static let mostFiles = 8

    package static func isZip(_ octets: ByteBuffer) -> Bool { octets.getInteger(at: octets.readerIndex, endianness: .little, as: UInt32.self) == 0x0403_4B50 }

    // local file header = signature version flags method time date crc-32 size-packed size name-length extra-length name extra
    /// Folders, and files that are enciphered or packed by another method, are passed over. It stops at the first thing that is no file.
    package init(_ octets: ByteBuffer) {
        var files: [File] = []
        var rest = octets
        while files.count < ZipArchive.mostFiles, ZipArchive.isZip(rest), let header = ZipArchive.header(&rest) {
            // Bit 3: the length stands behind the octets, and only who expands them finds their end.
            let isOpen = header.flags & 8 != 0 && header.packed == 0
            guard let content = isOpen ? rest : rest.readSlice(length: header.packed) else { break }
            let isFile = !header.isFolder && header.flags & 1 == 0 && (header.method == 0 && !isOpen || header.method == 8)
            if isFile { files.append(File(isStored: header.method == 0, octets: content)) }
            if isOpen { break }
        }
        self.files = files
    }

    private struct Header {
        let flags: UInt16
        let method: UInt16
        let packed: Int
        let isFolder: Bool
    }

    private static func header(_ rest: inout ByteBuffer) -> Header? {
        guard let fixed = rest.readSlice(length: 30), let flags = number(fixed, 6), let method = number(fixed, 8), let name = number(fixed, 26),
            let extra = number(fixed, 28), let packed = fixed.getInteger(at: fixed.readerIndex + 18, endianness: .little, as: UInt32.self),
            let title = rest.readSlice(length: Int(name)), rest.readSlice(length: Int(extra)) != nil
        else { return nil }
        return Header(flags: flags, method: method, packed: Int(packed), isFolder: title.readableBytesView.last == UInt8(ascii: "/"))
    }

    private static func number(_ header: ByteBuffer, _ place: Int) -> UInt16? {
        header.getInteger(at: header.readerIndex + place, endianness: .little, as: UInt16.self)
    }
}
