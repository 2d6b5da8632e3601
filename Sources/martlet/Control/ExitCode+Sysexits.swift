import ArgumentParser

/// Exit codes as sysexits.h names them, so that scripts can tell a typing error from a full disk.
enum Sysexit {
    /// Options that make no sense.
    static let usage: Int32 = 64
    /// A name or a message that is not well formed.
    static let dataError: Int32 = 65
    /// A file that cannot be read.
    static let noInput: Int32 = 66
    /// No such account or domain.
    static let noUser: Int32 = 67
    /// The store or the server cannot do it.
    static let unavailable: Int32 = 69
    static let software: Int32 = 70
    static let cannotCreate: Int32 = 73
    static let ioError: Int32 = 74
    /// Somebody else has the data folder, or the server is busy: try again.
    static let temporaryFailure: Int32 = 75
    static let noPermission: Int32 = 77
    static let configuration: Int32 = 78
}

/// A command's end that is not success: one line on standard error, and the exit code.
struct CommandFault: Error, Equatable {
    let code: Int32
    let text: String
}
