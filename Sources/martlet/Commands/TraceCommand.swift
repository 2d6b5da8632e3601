import ArgumentParser
import MailModel

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Tell what happened to a message.",
        discussion: "Exit code 65 when nothing is known of it: it never came, or it is too long ago.")

    @Argument(help: "A Message-ID; a message's number in the queue, while it is there or later; or what the server called it in its answer and in the log.")
    var name: String
    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var count = 0
        var transaction: String?
        try await Administrator(options).converse(.trace(name: name, skipping: 0)) { answer in
            guard case .trace(let page) = answer else { return nil }
            for line in page.lines {
                if output.json {
                    Terminal.show((count == 0 ? "[" : ",") + (try Terminal.line(json: line)))
                } else {
                    if line.transaction != transaction { Terminal.show("message \(line.transaction)") }
                    Terminal.show("  " + TraceCommand.words(line))
                }
                transaction = line.transaction
                count += 1
            }
            return page.hasMore ? .trace(name: name, skipping: count) : nil
        }
        if output.json { Terminal.show(count == 0 ? "[]" : "]") }
        guard count > 0 else { throw CommandFault(code: Sysexit.dataError, text: "nothing is known of \(RemoteReply.cleaned(name))") }
    }

    /// What was said to us does nothing to the terminal. Folded fields are one line.
    static func words(_ line: TraceLine) -> String {
        var rest = line.fields
        var text = "\(line.time)  \(verbs[line.event] ?? line.event)"
        for (key, word) in order {
            guard let value = rest.removeValue(forKey: key) else { continue }
            text += " \(word) \(RemoteReply.cleaned(value.replacing("\r\n", with: "")))"
        }
        let more = rest.sorted { $0.key < $1.key }.map { "\(RemoteReply.cleaned($0.key)) \(RemoteReply.cleaned($0.value.replacing("\r\n", with: "")))" }
        return more.isEmpty ? text : text + " (" + more.joined(separator: ", ") + ")"
    }

    private static let verbs = [
        "attempt": "tried", "failed": "given up", "held": "held back", "notified": "sender told",
    ]

    /// Fields in the order in which a sentence has them.
    private static let order = [
        ("recipient", "for"), ("mailbox", "in"), ("sender", "from"), ("host", "at"), ("address", "on"), ("field", "in"), ("verdict", "as"),
        ("by", "by the"), ("reply", "which said:"), ("reason", "because:"),
    ]
}
