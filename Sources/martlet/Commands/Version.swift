import ArgumentParser

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the program's version.")

    @OptionGroup var output: OutputOptions

    private struct Facts: Encodable {
        let name: String
        let version: String
    }

    func run() throws {
        if output.json {
            try Terminal.show(json: Facts(name: "martlet", version: ProductVersion.number))
        } else {
            Terminal.show(ProductVersion.text)
        }
    }
}
