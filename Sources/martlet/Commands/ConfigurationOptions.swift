import ArgumentParser
import FoundationEssentials

/// The options that all commands with a configuration have.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration file; `embedded` for the built-in default.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The data folder.", valueName: "folder"))
    var data: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Sets a key over file and environment; may be repeated.", valueName: "key=value"))
    var settings: [String] = []

    /// - parameter readsCertificates: for who serves. To others a file of TLS that is missing or broken is no hindrance: they may have been called to mend it.
    func load(readsCertificates: Bool = false) throws(ConfigurationFault) -> Configuration {
        try reader().configuration(readsCertificates: readsCertificates)
    }

    func reader() throws(ConfigurationFault) -> ConfigurationReader {
        var options: [(option: String, key: String, value: String)] = []
        if let data { options.append(("--data", Setting.data.key, data)) }
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw ConfigurationFault(
                    place: "command line", name: "--set \(setting)", problem: "has no value",
                    remedy: "write --set KEY=VALUE")
            }
            options.append(("--set \(parts[0])", String(parts[0]), String(parts[1])))
        }
        return ConfigurationReader(
            environment: ProcessInfo.processInfo.environment, file: config, options: options,
            read: { path throws(SystemFault) in try TextFile.read(path) })
    }
}

/// For commands whose output a script may read.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false
}
