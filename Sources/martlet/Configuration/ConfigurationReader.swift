/// Puts a configuration together: defaults, the file over them, the environment over that, options over all.
struct ConfigurationReader {
    var environment: [String: String]
    /// `--config` as given: a path, or `embedded`.
    var file: String?
    /// KEY and VALUE of `--set`, and of the options that stand for one.
    var options: [(option: String, key: String, value: String)]
    /// Reads a small text file.
    var read: (String) throws(SystemFault) -> String

    /// Where the file is looked for when nobody names one.
    static let usualFile = "/etc/martlet/martlet.yaml"
    static let embeddedName = "embedded"

    /// Variables that begin with `MARTLET_` and are no key.
    private static let otherNames: Set<String> = ["MARTLET_CONFIG"]
    private static let foreignPrefixes = ["MARTLET_TEST_", "MARTLET_BENCH_"]

    /// - parameter readsCertificates: whether the files of TLS have to be good.
    func configuration(readsCertificates: Bool = true) throws(ConfigurationFault) -> Configuration {
        let (values, isEmbedded) = try values()
        return try Configuration(values, isEmbedded: isEmbedded, readsCertificates: readsCertificates, read: read)
    }

    /// All values, each good by itself.
    func values() throws(ConfigurationFault) -> (SettingValues, isEmbedded: Bool) {
        var values = try SettingValues()
        let (file, isEmbedded) = try chosenFile()
        for entry in file.entries {
            switch entry.content {
            case .scalar(let text): try values.set(entry.setting, to: text, from: entry.origin)
            case .items(let items): try values.set(entry.setting, to: items, from: entry.origin)
            }
        }
        try refuseUnknownVariables()
        for setting in Setting.all {
            guard let (text, origin) = try fromEnvironment(setting) else { continue }
            try values.set(setting, to: text, from: origin)
        }
        for (option, key, value) in options {
            guard let setting = Setting.byKey[key] else {
                throw ConfigurationFault(
                    place: "command line", name: option, problem: "unknown key \(key)",
                    remedy: Setting.remedy(forUnknown: key))
            }
            try values.set(setting, to: value, from: .option(option))
        }
        return (values, isEmbedded)
    }

    private func chosenFile() throws(ConfigurationFault) -> (ConfigurationFile, isEmbedded: Bool) {
        let named = file ?? environment["MARTLET_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        if named == Self.embeddedName { return (try Self.embedded(), true) }
        do {
            let path = named ?? Self.usualFile
            return (try ConfigurationFile(name: path, text: try read(path)), false)
        } catch let fault as SystemFault {
            if named == nil, fault.isMissing { return (try Self.embedded(), true) }
            throw ConfigurationFault(
                place: fault.path, name: "file", problem: "cannot be read: \(fault.reason)",
                remedy: "name a readable file with --config", device: fault.isOfDevice ? fault : nil)
        } catch let fault as ConfigurationFault {
            throw fault
        } catch {
            throw ConfigurationFault(
                place: named ?? Self.usualFile, name: "file", problem: "\(error)",
                remedy: "name another file with --config")
        }
    }

    static func embedded() throws(ConfigurationFault) -> ConfigurationFile {
        try ConfigurationFile(name: embeddedName, text: embeddedText)
    }

    /// What runs when there is no file: everything in the current folder, on loopback, beside the system's own mail server; and nothing goes out to the world.
    static let embeddedText = """
        data: ./data
        domain: example.test
        port-offset: 2000
        listeners:
          addresses: [127.0.0.1]
          https: {enabled: true}
          http: {enabled: true}
        outbound:
          enabled: false
        """

    // `MARTLET_…` wins over the other names; of those, two that differ stop the start.
    private func fromEnvironment(_ setting: Setting) throws(ConfigurationFault) -> (text: String, origin: Origin)? {
        if let own = try agreed([Setting.Alias(setting.environmentName)]) { return own }
        return try agreed(setting.aliases)
    }

    private func agreed(_ names: [Setting.Alias]) throws(ConfigurationFault) -> (text: String, origin: Origin)? {
        var first: (text: String, origin: Origin, name: String)?
        for alias in names {
            for (name, isFile) in [(alias.name, false), (alias.name + "_FILE", true)] {
                guard let variable = environment[name], !variable.isEmpty else { continue }
                var text = isFile ? try content(of: variable, named: name) : variable
                if alias.meansFolder { text = folder(of: text) }
                if let first, first.text != text {
                    throw ConfigurationFault(
                        place: "environment", name: "\(first.name) and \(name)",
                        problem: "differ, and mean the same key",
                        remedy: "delete one of the two")
                }
                first = first ?? (text, .environment(name), name)
            }
        }
        return first.map { ($0.text, $0.origin) }
    }

    private func content(of path: String, named name: String) throws(ConfigurationFault) -> String {
        do {
            return try read(path).trimmed
        } catch {
            throw ConfigurationFault(
                place: "environment", name: name, problem: "\(path) cannot be read: \(error.reason)",
                remedy: "name a readable file", device: error.isOfDevice ? error : nil)
        }
    }

    private func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func refuseUnknownVariables() throws(ConfigurationFault) {
        let known = Set(Setting.all.map(\.environmentName)).union(Self.otherNames)
        for name in environment.keys.sorted() where name.hasPrefix("MARTLET_") {
            if Self.foreignPrefixes.contains(where: { name.hasPrefix($0) }) || known.contains(name) { continue }
            if name.hasSuffix("_FILE"), known.contains(String(name.dropLast(5))) { continue }
            let key = name.dropFirst(8).lowercased().replacing("_", with: "-")
            throw ConfigurationFault(
                place: "environment", name: name, problem: "no key has this name",
                remedy: Setting.remedy(forUnknown: String(key)))
        }
    }
}
