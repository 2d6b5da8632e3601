import Conversation
import MailModel
import PostOffice
import Transport

/// What others make of the certificate in use.
struct CertificateFacts: Hashable, Sendable {
    struct Leaf: Hashable, Sendable {
        let notBefore: Timestamp
        let notAfter: Timestamp
        let trust: CertificateExamination.Trust
        /// Names by which the server is reached that it is not for.
        let uncovered: [String]
        /// The running server shows it; nil: nobody could say.
        var isInUse: Bool?
        /// False: the certificates before it have all its names.
        var isShown = true
    }

    enum Sight: Hashable, Sendable {
        case off
        /// The server makes one at its first start.
        case notMade
        /// Why, in one line.
        case unusable(String)
        case there(Leaf)
    }

    /// The file of a private key, as far as the system says who may read it.
    struct Key: Hashable, Sendable {
        let path: String
        /// Permission bits.
        let mode: UInt32
    }

    let path: String
    var sight: Sight
    /// Made by this server, which makes another in time.
    let isOwn: Bool
    let now: Timestamp
    /// Nil: it is not there, or nobody may look at it.
    var key: Key?
}

/// The disk of the data folder.
struct DiskFacts: Hashable, Sendable {
    let path: String
    /// Octets that may still be written.
    let free: Int64
    let total: Int64
    /// Below which mail is refused.
    let floor: Int64
    /// Files that may still be made, of so many; 0 of 0 where the file system does not count them.
    let freeFiles: Int64
    let files: Int64
    let isMemory: Bool
    /// What it took to make a few octets safe (fdatasync), in microseconds, in any order; empty: it was not tried.
    let syncs: [Int]
    /// Octets a second, written and made safe; nil: it was not tried.
    let rate: Int64?
}

/// Who may look into the data folder.
struct FolderFacts: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        let path: String
        /// Permission bits; nil: there is no such file.
        let mode: UInt32?
        let owner: UInt32
    }

    let folder: Entry
    let key: Entry
    /// Who runs this.
    let user: UInt32
    /// A server uses it, so that it is that user's.
    var isServed = false
}

struct ClockFacts: Hashable, Sendable {
    /// The system says that something keeps it.
    let isKept: Bool
}

struct QueueFacts: Hashable, Sendable {
    /// Seconds that the oldest message has waited; nil: none waits.
    let oldest: Int64?
    /// Of it, where it was told.
    let said: String?
    let held: Int
    /// There are more than were counted.
    let hasMoreHeld: Bool
    let isSending: Bool
}

struct StoreFacts: Hashable, Sendable {
    let problems: [String]
}

/// A port of ours, as it answers.
struct ListenerFacts: Hashable, Sendable {
    enum Answer: Hashable, Sendable {
        /// The first line; of the web also the content behind its header.
        case said(String, content: String? = nil)
        /// Why nothing came.
        case silent(String)
        /// The first line of what answers, and is no TLS where TLS comes first; nil: it says nothing.
        case notTLS(String?)
        /// TLS, and the end for who shows no certificate, where one is demanded.
        case guarded
        /// Nobody listens, and the system would not let who runs this: why.
        case forbidden(String)
    }

    let service: Service
    let address: String
    let port: Int
    let answer: Answer
}

struct LimitFacts: Hashable, Sendable {
    /// That the server, or whoever runs this, may have open.
    let files: Int
    let connections: Int
}

/// Whether a server elsewhere was reached at port 25.
struct ReachFacts: Hashable, Sendable {
    let target: String
    /// Its greeting, or why there was none.
    let greeting: Result<String, SightFault>
}

/// Why something was not seen, in one line.
struct SightFault: Error, Hashable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What came of fetching one of our domains' policies for TLS, as others fetch it (RFC 8461 §3.3).
struct PolicyFacts: Hashable, Sendable {
    enum Outcome: Hashable, Sendable {
        case fetched(StrictTransportPolicy)
        case failed(TLSFailure)
        /// It cannot be seen from here: why.
        case unseen(String)
    }

    /// `mta-sts.DOMAIN`.
    let place: Domain
    /// By which the domain's mail comes.
    let host: Domain
    /// A port of this server's is there for it.
    let isListening: Bool
    let outcome: Outcome
}

/// In whose name reports go out.
struct ReportFacts: Hashable, Sendable {
    let sender: Address
    /// Of this server, in ASCII.
    let domains: [Domain]
}
