/// What is kept of a report that was sent, until the counts of its day go.
struct ReportNote: Hashable {
    /// Those who have it: by `ReportURI.Target.name`.
    var done: [String] = []
    /// Others who want it are still to get it.
    var isOpen = false

    init() {}

    // A line each: when it was written, whether it is open, and who has the report.
    init(_ octets: [UInt8]) {
        let lines = String(decoding: octets, as: UTF8.self).split(separator: "\n")
        isOpen = lines.dropFirst().first == "open"
        done = lines.dropFirst(2).map { String($0) }
    }

    func octets(_ time: String) -> [UInt8] { Array(([time, isOpen ? "open" : "ended"] + done).joined(separator: "\n").utf8) }
}

extension ReportURI.Target {
    /// In one line.
    var name: String {
        switch self {
        case .mail(let address): "mailto:\(address.key)"
        case .web(let text): text
        }
    }
}
