import Yams

/// The configuration file's keys and values, before they mean anything.
struct ConfigurationFile {
    struct Entry {
        enum Content {
            case scalar(String)
            case items([String])
        }
        let setting: Setting
        let content: Content
        let origin: Origin
    }

    private(set) var entries: [Entry] = []
    private let name: String

    /// `name` is what faults call it. Keys that are not in the table are refused.
    init(name: String, text: String) throws(ConfigurationFault) {
        self.name = name
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw ConfigurationFile.fault(error, name)
        }
        switch root {
        case nil: break
        case .mapping(let mapping)?: try walk(mapping, under: "")
        // A file of comments alone is an empty scalar.
        case .scalar(let scalar)? where scalar.string.isEmpty: break
        default:
            throw ConfigurationFault(
                place: name, name: "file", problem: "is not a list of keys",
                remedy: "write lines such as `data: /var/lib/martlet`")
        }
    }

    private mutating func walk(_ mapping: Node.Mapping, under prefix: String) throws(ConfigurationFault) {
        for (keyNode, value) in mapping {
            let place = place(keyNode)
            guard case .scalar(let scalar) = keyNode else {
                throw ConfigurationFault(
                    place: place, name: prefix, problem: "a key is not a word", remedy: "write KEY: VALUE")
            }
            let key = prefix + scalar.string
            if let setting = Setting.byKey[key] {
                entries.append(
                    Entry(
                        setting: setting, content: try content(value, of: key),
                        origin: .file(name, line: keyNode.mark?.line)))
            } else if Setting.all.contains(where: { $0.key.hasPrefix(key + ".") }) {
                try descend(value, key, place)
            } else {
                throw ConfigurationFault(
                    place: place, name: key, problem: "unknown key", remedy: Setting.remedy(forUnknown: key))
            }
        }
    }

    private mutating func descend(_ value: Node, _ key: String, _ place: String) throws(ConfigurationFault) {
        switch value {
        case .mapping(let inner): try walk(inner, under: key + ".")
        case .scalar(let scalar) where scalar.string.isEmpty: break
        default:
            throw ConfigurationFault(
                place: place, name: key, problem: "holds keys, not a value", remedy: "write its keys below it, indented"
            )
        }
    }

    private func content(_ node: Node, of key: String) throws(ConfigurationFault) -> Entry.Content {
        switch node {
        case .scalar(let scalar): return .scalar(scalar.string)
        case .sequence(let sequence):
            var items: [String] = []
            for item in sequence {
                guard case .scalar(let scalar) = item else {
                    throw ConfigurationFault(
                        place: place(item), name: key, problem: "an item is not a word", remedy: "give a list of words")
                }
                items.append(scalar.string)
            }
            return .items(items)
        default:
            throw ConfigurationFault(
                place: place(node), name: key, problem: "has keys below it", remedy: "give a value")
        }
    }

    private func place(_ node: Node) -> String { node.mark.map { "\(name):\($0.line)" } ?? name }

    private static func fault(_ error: any Error, _ name: String) -> ConfigurationFault {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _)?, .parser(_, let problem, let mark, _)?,
            .composer(_, let problem, let mark, _)?:
            ConfigurationFault(
                place: "\(name):\(mark.line)", name: "file", problem: "is not YAML: \(problem)",
                remedy: "mend that line")
        case .duplicatedKeysInMapping(let duplicates, _)?:
            ConfigurationFault(
                place: name, name: duplicates.first ?? "a key", problem: "stands there twice",
                remedy: "delete one of the two")
        default:
            ConfigurationFault(
                place: name, name: "file", problem: "is not YAML", remedy: "see the README for what it looks like")
        }
    }
}

extension Setting {
    /// Names the key that was probably meant.
    static func remedy(forUnknown key: String) -> String {
        let names = Set(
            all.map(\.key)
                + all.flatMap { setting in
                    setting.key.indices.filter { setting.key[$0] == "." }.map { String(setting.key[..<$0]) }
                })
        let nearest = names.map { (name: $0, distance: distance(Array($0.utf8), Array(key.utf8.prefix(64)))) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
        if let nearest, nearest.distance <= max(2, key.utf8.count / 4) { return "did you mean \(nearest.name)?" }
        return "`martlet config reference` lists all keys"
    }

    // Levenshtein.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substituted = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
