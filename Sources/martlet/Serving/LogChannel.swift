import Glibc
import Logging

/// Where swift-log's lines go: formatted, then to the writer.
struct LogChannel: LogHandler {
    let writer: LogWriter
    let format: LogLine

    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(writer: LogWriter, format: LogLine.Format, level: Logger.Level) {
        self.writer = writer
        self.format = LogLine(format: format)
        logLevel = level
    }

    func log(event: LogEvent) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let all = event.metadata.map { metadata.merging($0) { _, new in new } } ?? metadata
        writer.write(format.line(event.level, event.message.description, all, at: now))
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
}

extension Configuration.Logging {
    /// The program's logger; faces and stores get copies with their own metadata.
    func logger(_ writer: LogWriter) -> Logger {
        let level = Logger.Level(rawValue: level) ?? .info
        return Logger(label: "martlet") { _ in LogChannel(writer: writer, format: json ? .json : .text, level: level) }
    }
}
