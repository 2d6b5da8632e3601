import Dispatch
import Glibc

/// What an administrator tells a running server by signal.
enum Signal: Sendable {
    /// SIGTERM, SIGINT.
    case stop
    /// SIGHUP: read the certificates again and open the log anew.
    case reload
}

/// The signals that came, in order, for as long as the value is held.
final class Signals {
    let arrivals: AsyncStream<Signal>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(16))
        arrivals = stream
        let queue = DispatchQueue(label: "signals")
        sources = [(SIGTERM, Signal.stop), (SIGINT, .stop), (SIGHUP, .reload)].map { number, signal in
            Glibc.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { continuation.yield(signal) }
            source.resume()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }
}
