/// Why a configuration cannot be used, in one line: where, which key, what is wrong and what to do about it.
struct ConfigurationFault: Error, Equatable, CustomStringConvertible {
    /// `martlet.yaml:12`, `environment`, `--set`.
    let place: String
    /// As it is written there: a key, or a variable's name.
    let name: String
    let problem: String
    let remedy: String
    /// The device's fault, where it is one.
    var device: SystemFault?

    var exitCode: Int32 { device == nil ? Sysexit.configuration : Sysexit.ioError }

    var description: String {
        let line = "\(place): \(name): \(problem); \(remedy)"
        return String(line.map { $0.isNewline ? " " : $0 })
    }
}

/// Where a value came from.
enum Origin: Hashable, Sendable {
    case standard
    case file(String, line: Int?)
    /// The variable's name.
    case environment(String)
    /// The option as it was given.
    case option(String)

    var isOfFile: Bool { if case .file = self { true } else { false } }

    /// For people.
    var place: String {
        switch self {
        case .standard: "default"
        case .file(let file, let line): line.map { "\(file):\($0)" } ?? file
        case .environment(let name): name
        case .option(let option): option
        }
    }

    /// A fault of the value of `setting` that came from here.
    func fault(_ setting: Setting, _ problem: String, _ remedy: String) -> ConfigurationFault {
        switch self {
        case .standard: ConfigurationFault(place: "default", name: setting.key, problem: problem, remedy: remedy)
        case .file(let file, let line):
            ConfigurationFault(
                place: line.map { "\(file):\($0)" } ?? file, name: setting.key, problem: problem, remedy: remedy)
        case .environment(let name):
            ConfigurationFault(place: "environment", name: name, problem: problem, remedy: remedy)
        case .option(let option):
            ConfigurationFault(place: "command line", name: option, problem: problem, remedy: remedy)
        }
    }
}
