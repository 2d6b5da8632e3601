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
}
