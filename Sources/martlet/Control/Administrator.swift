import Glibc
import Logging

/// Has orders carried out: by the server that runs on the data folder, or else on the store itself.
struct Administrator {
    private let configuration: Configuration

    init(_ options: ConfigurationOptions) throws {
        configuration = try options.load()
    }

    /// Throws `CommandFault` for a refusal.
    @discardableResult
    func give(_ order: Order) async throws -> OrderResult {
        let answer = try await answer(order)
        if case .refused(let refused) = answer { throw CommandFault(code: refused.code, text: refused.text) }
        return answer
    }

    private func answer(_ order: Order) async throws -> OrderResult {
        let patience = ContinuousClock.now.advanced(by: .seconds(5))
        while true {
            do {
                return try await House.with(configuration, creating: false, log: Administrator.quiet()) { await $0.administration.carryOut(order) }
            } catch let fault as DataFolderFault where fault.isInUse {
                if let answer = try ControlClient(path: configuration.data + "/control.sock").give(order) {
                    return answer
                }
                // The server is just starting or stopping, or another command is at work.
                guard ContinuousClock.now < patience else { throw fault }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Opens the store once with an index that is older than the folder's last one, and so makes it today's. No server may run on it.
    func acceptOlderIndex() async throws -> OrderResult {
        try await House.with(configuration, creating: false, acceptsOlderIndex: true, log: Administrator.quiet()) {
            await $0.administration.carryOut(.storeStatus)
        }
    }

    /// A log for commands: only what went wrong, on standard error.
    static func quiet() throws -> Logger {
        Configuration.Logging(level: "error", json: false, file: nil).logger(try LogWriter(path: nil))
    }
}
