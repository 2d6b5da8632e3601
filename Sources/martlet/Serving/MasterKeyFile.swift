import CLinux
import Glibc

/// The file with the master key: 64 hexadecimal digits, and behind them the schemas that the index has had (`generation N`). Mode 0600.
struct MasterKeyFile: Sendable {
    struct Contents: Sendable {
        /// 32 octets.
        let key: SecretOctets
        /// The highest schema that the index is known to have had; 0: it says nothing.
        let generation: Int
    }

    let path: String

    /// Octets of the key.
    static let octets = 32
    /// Octets of the file.
    private static let most = 16_384
    /// What it is called in the data folder.
    static let nameInside = "master.key"
    private static let generationWord = "generation "

    /// Where the key of the data folder `data` is, or is to be made: where the configuration says; where it is already, beside the folder or in it; beside it, so that who
    /// copies the folder has no key. Where the folder is a volume of its own, what lies beside it is on another one, which may be gone at the next start; and where nothing can
    /// be made beside it, there is no choice: then in it. Throws for two keys, and for what nobody can see.
    static func place(of data: String, configured: String?) throws(DataFolderFault) -> String {
        if let configured { return configured }
        let (beside, inside) = (data + ".key", data + "/" + nameInside)
        switch (try isThere(beside), try isThere(inside)) {
        case (true, true): throw DataFolderFault("there are two master keys, \(beside) and \(inside); move away the one that is not \(data)'s")
        case (true, false): return beside
        case (false, true): return inside
        case (false, false):
            let isOwnVolume = clinux_is_mount_point(data) == 1
            return !isOwnVolume && access(folder(of: beside), W_OK | X_OK) == 0 ? beside : inside
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func isThere(_ path: String) throws(DataFolderFault) -> Bool {
        var facts = stat()
        if lstat(path, &facts) == 0 { return true }
        let fault = SystemFault("look at", path)
        guard fault.isMissing else { throw DataFolderFault(fault) }
        return false
    }

    /// Nil: there is no such file.
    func read() throws(DataFolderFault) -> Contents? {
        var facts = stat()
        guard stat(path, &facts) == 0 else {
            let fault = SystemFault("open", path)
            if fault.isMissing { return nil }
            throw DataFolderFault(fault)
        }
        guard facts.st_mode & 0o077 == 0 else { throw DataFolderFault("\(path) is open to others; chmod 600 \(path)") }
        do throws(SystemFault) {
            let text = try SecretOctets.read(path, most: MasterKeyFile.most)
            let (key, generation) = try text.withUnsafeBytes { text throws(SystemFault) in
                let lines = text.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
                return (try MasterKeyFile.key(in: lines.first ?? text[..<0]), MasterKeyFile.generation(in: lines.dropFirst()))
            }
            if let key { return Contents(key: key, generation: generation) }
        } catch {
            throw DataFolderFault(error)
        }
        throw DataFolderFault("\(path) is no master key (64 hexadecimal digits); put it back from your backup")
    }

    /// Nil: that line holds none.
    private static func key(in line: Slice<UnsafeRawBufferPointer>) throws(SystemFault) -> SecretOctets? {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard let first = line.firstIndex(where: { !isSpace($0) }), let last = line.lastIndex(where: { !isSpace($0) }) else { return nil }
        let digits = line[first...last]
        guard digits.count == 2 * octets, digits.allSatisfy({ value(of: $0) != nil }) else { return nil }
        return try SecretOctets(capacity: octets) { room in
            for (index, digit) in digits.enumerated() { room[index / 2] = room[index / 2] << 4 | (value(of: digit) ?? 0) }
            return octets
        }
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }

    private static func generation(in lines: ArraySlice<Slice<UnsafeRawBufferPointer>>) -> Int {
        lines.compactMap { line in
            line.starts(with: generationWord.utf8) ? Int(String(decoding: line.dropFirst(generationWord.utf8.count), as: UTF8.self)) : nil
        }.max() ?? 0
    }

    /// Writes a new one, durably, with its key alone.
    func create(_ key: SecretOctets) throws(DataFolderFault) {
        do throws(SystemFault) {
            let digits = Array("0123456789abcdef".utf8)
            let text = try SecretOctets(capacity: 2 * key.count + 1) { room in
                key.withUnsafeBytes { key in
                    for (index, octet) in key.enumerated() { (room[2 * index], room[2 * index + 1]) = (digits[Int(octet >> 4)], digits[Int(octet & 15)]) }
                    room[2 * key.count] = UInt8(ascii: "\n")
                    return 2 * key.count + 1
                }
            }
            try text.withUnsafeBytes { octets throws(SystemFault) in try TextFile.create(path, octets, mode: 0o600) }
        } catch {
            throw DataFolderFault(error)
        }
    }

    /// Notes that the index is of that schema, behind the key, whose own line is never written again. Nothing happens when the file says so already.
    func record(generation: Int) throws(DataFolderFault) {
        guard let known = try read()?.generation, known < generation else { return }
        do { try TextFile.append(path, MasterKeyFile.generationWord + "\(generation)\n") } catch { throw DataFolderFault(error) }
    }
}
