import MessageFormat
import NIOCore

/// The message parser and its outline.
struct FormatBenchmark {
    func run(_ measure: Measure) async throws {
        let message = StoreBenchmark.message(octets: 4_096)
        let large = StoreBenchmark.message(octets: 1 << 20)
        await measure.rate("format: scan and encode 4 KB", "messages") {
            for _ in 0..<5_000 {
                var scanner = MessageScanner()
                scanner.consume(message)
                _ = scanner.finish().encode()
            }
            return 5_000
        }
        await measure.rate("format: scan 1 MB", "octets") {
            for _ in 0..<20 {
                var scanner = MessageScanner()
                scanner.consume(large)
                _ = scanner.finish()
            }
            return 20 * large.readableBytes
        }
        var scanner = MessageScanner()
        scanner.consume(message)
        let encoded = scanner.finish().encode()
        try await measure.rate("format: decode an outline", "outlines") {
            for _ in 0..<5_000 { _ = try MessageOutline(decoding: encoded) }
            return 5_000
        }
    }
}
