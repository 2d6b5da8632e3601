import Glibc
import Logging

/// Has orders carried out: by the server that runs on the data folder, or else on the store itself.
struct Administrator: Sendable {
    private let configuration: Configuration

    init(_ options: ConfigurationOptions) throws { self.init(try options.load()) }

    init(_ configuration: Configuration) { self.configuration = configuration }

    /// Throws `CommandFault` for a refusal.
    @discardableResult
    func give(_ order: Order) async throws -> OrderResult {
        var result = OrderResult.done
        try await converse(order) { answer in
            result = answer
            return nil
        }
        return result
    }

    /// The same with several orders in a row: after each answer the next one, until it is nil. Where no server runs, the store is opened once for all of them.
    func converse(_ first: Order, _ next: (OrderResult) throws -> Order?) async throws {
        func proceed(_ answer: OrderResult) throws -> Order? {
            if case .refused(let refused) = answer { throw CommandFault(code: refused.code, text: refused.text) }
            return try next(answer)
        }
        var following: Order? = first
        var patience = ContinuousClock.now.advanced(by: .seconds(5))
        while let order = following {
            do {
                following = try await House.with(configuration, creating: false, log: Administrator.quiet()) { house in
                    let administration = house.administration()
                    var following: Order? = order
                    while let order = following { following = try proceed(await administration.carryOut(order, by: Int64(geteuid()))) }
                    return following
                }
            } catch let fault as DataFolderFault where fault.isInUse {
                if let answer = try await ControlClient(path: configuration.data + "/control.sock").ask(order) {
                    following = try proceed(answer)
                    patience = ContinuousClock.now.advanced(by: .seconds(5))
                    continue
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
            await $0.administration().carryOut(.storeStatus, by: Int64(geteuid()))
        }
    }

    /// A log for commands: only what went wrong, on standard error.
    static func quiet() throws -> Logger {
        Configuration.Logging(level: "error", json: false, file: nil).logger(try LogWriter(path: nil))
    }
}
