import Logging

/// `index.db`, whose pages are sealed under the master key.
struct IndexFile: Sendable {
    let path: String
    let vfs: IndexVFS
    let tags: PageTags

    static let name = "index.db"

    init(in folder: String, _ masterKey: MasterKey, log: Logger) throws {
        path = folder + "/" + IndexFile.name
        tags = try PageTags(masterKey, log: log)
        vfs = try IndexVFS(tags)
    }

    func connect(_ mode: Connection.Mode) throws -> Connection { try Connection(path: path, mode: mode, vfs: vfs) }
}
