import ArgumentParser
import CLinux
import Glibc
import MessageFormat
import NIOCore

struct MessageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "message", abstract: "Look at messages.", subcommands: [Inspect.self])

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print what the parser makes of a message, as JSON: headers, structure, decoded parts.")

        @Argument(help: "A file with one message; - for standard input.") var file: String

        func run() throws {
            try Terminal.show(json: MessageInspection(try read()))
        }

        /// Octets; more is refused.
        private static let longest = 1 << 30

        private func read() throws -> ByteBuffer {
            let descriptor = file == "-" ? STDIN_FILENO : clinux_open(file, O_RDONLY, 0)
            guard descriptor >= 0 else {
                throw CommandFault(code: Sysexit.noInput, text: SystemFault("open", file).description)
            }
            defer { if file != "-" { close(descriptor) } }
            var message = ByteBuffer()
            while true {
                let count = message.writeWithUnsafeMutableBytes(minimumWritableBytes: 65536) {
                    max(0, Glibc.read(descriptor, $0.baseAddress, $0.count))
                }
                if count == 0 { return message }
                guard message.readableBytes <= Inspect.longest else {
                    throw CommandFault(code: Sysexit.dataError, text: "\(file) is over \(Inspect.longest) octets")
                }
            }
        }
    }
}
