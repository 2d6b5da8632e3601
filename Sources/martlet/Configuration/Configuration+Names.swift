import MailModel

extension Configuration {
    /// Whom names are asked of.
    struct Names: Sendable {
        enum Anchor: Hashable, Sendable {
            case root
            case file(String)
            case none
        }

        /// None: the root's own servers, and on from there.
        var servers: [NameServerItem]
        /// Nil: built in.
        var rootHints: String?
        var anchor: Anchor
        var stubs: [StubZoneItem]
        /// In ASCII.
        var openZones: [Domain]
        var localRecords: [String]
    }
}

extension Configuration.Names {
    init(_ values: SettingValues, read: (String) throws(SystemFault) -> String) throws(ConfigurationFault) {
        servers = try values.items(.nameServers) { text throws(ItemFault) in try NameServerItem(text) }
        rootHints = values.text(.rootHints)
        anchor =
            switch values.text(.trustAnchor) {
            case nil, "root"?: .root
            case "none"?: .none
            case let path?: .file(path)
            }
        stubs = try values.items(.stubZones) { text throws(ItemFault) in try StubZoneItem(text) }
        openZones = try values.items(.openZones) { text throws(ItemFault) in try DomainText.name(text) }
        localRecords = values.list(.localRecords)
        if let rootHints { try Self.check(.rootHints, rootHints, "name a file that this user can read", values, read) }
        if case .file(let path) = anchor { try Self.check(.trustAnchor, path, "write root, none or the name of a file", values, read) }
    }

    private static func check(
        _ setting: Setting, _ path: String, _ remedy: String, _ values: SettingValues, _ read: (String) throws(SystemFault) -> String
    ) throws(ConfigurationFault) {
        do { _ = try read(path) } catch {
            throw ConfigurationFault(
                values.origin(of: setting).fault(setting, "\(path) cannot be read: \(error.reason)", remedy), device: error)
        }
    }
}
