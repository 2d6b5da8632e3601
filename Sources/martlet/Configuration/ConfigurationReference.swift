/// The table of all keys in Markdown, as the README has it.
enum ConfigurationReference {
    static let begin = "<!-- configuration: made by `martlet config reference` -->"
    static let end = "<!-- end of configuration -->"

    static var markdown: String {
        var lines = ["| key | value | default | environment | meaning |", "|---|---|---|---|---|"]
        for setting in Setting.all {
            let names =
                ([setting.environmentName] + setting.aliases.map { $0.name + ($0.meansFolder ? " (a file in it)" : "") })
            let value = setting.kind.isList ? "list: " + setting.kind.description : setting.kind.description
            lines.append(
                "| `\(setting.key)` | \(value) | \(setting.standardNote ?? (setting.standard.isEmpty ? "" : "`\(setting.standard)`")) | "
                    + names.map { "`\($0)`" }.joined(separator: ", ").replacing(
                        " (a file in it)`", with: "` (a file in it)")
                    + " | \(setting.help) |")
        }
        return lines.joined(separator: "\n")
    }
}
