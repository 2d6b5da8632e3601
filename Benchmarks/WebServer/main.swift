import CLinux
import Glibc
import NIOPosix

// martlet-web-bench ours|raw CERTIFICATE KEY: serves the same empty route on two free ports of 127.0.0.1, plain text and TLS, by the house's HTTP engine or by a
// few handlers on NIO; says `plain PORT tls PORT`, and ends when its standard input does. `Benchmarks/web` measures it.
let arguments = CommandLine.arguments
guard arguments.count == 4, ["ours", "raw"].contains(arguments[1]) else {
    print("martlet-web-bench ours|raw CERTIFICATE KEY")
    exit(2)
}
// As the program itself does.
clinux_return_large_blocks()
let ports =
    if arguments[1] == "ours" {
        try await HouseServer.open(certificatePath: arguments[2], keyPath: arguments[3])
    } else {
        try await RawServer.open(certificatePath: arguments[2], keyPath: arguments[3])
    }
print("plain \(ports.plain) tls \(ports.tls)")
fflush(nil)
// On a thread of its own: the event loops and what runs on them go on.
try await NIOThreadPool.singleton.runIfActive { while getchar() != EOF {} }
exit(0)

/// Where it is listened.
struct Ports {
    let plain: Int
    let tls: Int
}
