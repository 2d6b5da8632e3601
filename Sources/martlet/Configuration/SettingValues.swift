/// The values of all keys, with where each came from. A key that nobody set has its default, or nothing.
struct SettingValues: Sendable {
    private var values: [String: (value: SettingValue, origin: Origin)] = [:]

    /// The defaults.
    init() throws(ConfigurationFault) {
        for setting in Setting.all where !setting.standard.isEmpty {
            try set(setting, to: setting.standard, from: .standard)
        }
    }

    mutating func set(_ setting: Setting, to text: String, from origin: Origin) throws(ConfigurationFault) {
        do {
            values[setting.key] = (try setting.kind.value(of: text), origin)
        } catch {
            throw origin.fault(setting, error.problem, error.remedy)
        }
    }

    mutating func set(_ setting: Setting, to items: [String], from origin: Origin) throws(ConfigurationFault) {
        do {
            values[setting.key] = (try setting.kind.value(of: items), origin)
        } catch {
            throw origin.fault(setting, error.problem, error.remedy)
        }
    }

    func origin(of setting: Setting) -> Origin { values[setting.key]?.origin ?? .standard }

    /// As one would write it in the file; nil: it has no value.
    func written(_ setting: Setting) -> String? {
        switch values[setting.key]?.value {
        case nil: nil
        case .text(let text)?: SettingValues.isPlain(text) ? text : SettingValues.quoted(text)
        case .toggle(let toggle)?: String(toggle)
        case .number(let number)?: String(number)
        case .list(let items)?: "[" + items.map { SettingValues.quoted($0) }.joined(separator: ", ") + "]"
        }
    }

    private static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.properties.isAlphabetic || ("0"..."9").contains($0) || "./_-".unicodeScalars.contains($0) }
    }

    /// In double quotes (YAML 1.2 §7.3.1).
    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    func isSet(_ setting: Setting) -> Bool { values[setting.key] != nil }

    func text(_ setting: Setting) -> String? {
        guard case .text(let text)? = values[setting.key]?.value else { return nil }
        return text
    }

    func toggle(_ setting: Setting) -> Bool {
        guard case .toggle(let toggle)? = values[setting.key]?.value else { return false }
        return toggle
    }

    func number(_ setting: Setting) -> Int? {
        guard case .number(let number)? = values[setting.key]?.value else { return nil }
        return number
    }

    func list(_ setting: Setting) -> [String] {
        guard case .list(let list)? = values[setting.key]?.value else { return [] }
        return list
    }

    /// What the items of a list mean.
    func items<Item>(_ setting: Setting, _ read: (String) throws(ItemFault) -> Item) throws(ConfigurationFault) -> [Item] {
        var items: [Item] = []
        for text in list(setting) {
            do throws(ItemFault) { items.append(try read(text)) } catch {
                throw origin(of: setting).fault(setting, "\"\(text.prefix(80))\": \(error.problem)", setting.kind.remedy)
            }
        }
        return items
    }
}
