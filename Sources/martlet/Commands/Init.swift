import ArgumentParser

struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the data folder, its master key and an empty store.",
        discussion:
            "What is there already is kept. Keep a copy of the master key elsewhere: without it no mail can be read.")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let configuration = try options.load()
        let paths = try await House.with(configuration, creating: true, log: Administrator.quiet()) { ($0.folder.path, $0.folder.keyPath) }
        Terminal.show("The store is in \(paths.0); its master key is \(paths.1). Keep a copy of the key elsewhere.")
        Terminal.show("Next: martlet domain add DOMAIN, martlet account add NAME@DOMAIN, martlet serve")
    }
}
