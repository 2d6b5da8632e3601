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
                let fault = SystemFault("open", file)
                throw CommandFault(code: fault.isOfDevice ? Sysexit.ioError : Sysexit.noInput, text: fault.description)
            }
            defer { if file != "-" { close(descriptor) } }
            var message = ByteBuffer()
            while true {
                let count = try message.writeWithUnsafeMutableBytes(minimumWritableBytes: 65536) { room in
                    while true {
                        let count = Glibc.read(descriptor, room.baseAddress, room.count)
                        // A message that breaks off is not one that ends there.
                        guard count < 0 else { return count }
                        guard errno == EINTR else { throw SystemFault("read", file) }
                    }
                }
                if count == 0 { return message }
                guard message.readableBytes <= Inspect.longest else {
                    throw CommandFault(code: Sysexit.dataError, text: "\(file) is over \(Inspect.longest) octets")
                }
            }
        }
    }
}
