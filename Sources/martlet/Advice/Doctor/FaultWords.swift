import Conversation
import NIOCore
import Storage

/// What a finding says of an error: words for people, never a library's.
enum FaultWords {
    /// Whose errors say what they mean.
    private static let ours: Set<String> = ["ACME", "Conversation", "MailModel", "PostOffice", "SenderTrust", "Threading", "Transport", "martlet"]

    static func of(_ error: any Error) -> String {
        switch error {
        case let fault as CommandFault: return fault.text
        case let fault as IOError: return SystemFault("use", "the network", code: fault.errnoCode).reason
        case StorageFault.unavailable(let reason), StorageFault.corrupt(let reason), StorageFault.notAllowed(let reason): return reason
        case StorageFault.full: return "the disk is full"
        case StorageFault.closed: return "the store is being closed"
        case is DecodingError: return "the server that runs is of another version, and its answer cannot be read"
        case is CancellationError: return "it was given up"
        default:
            let home = String(reflecting: type(of: error)).prefix { $0 != "." }
            guard ours.contains(String(home)), let told = error as? any CustomStringConvertible else { return "something unforeseen (\(type(of: error)))" }
            return told.description
        }
    }
}
