import ArgumentParser
import Crypto
import Logging
import NIOCore
import Yams

@main
struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "martlet")
}
