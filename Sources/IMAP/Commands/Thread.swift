import MailModel
import NIOCore
import PostOffice

// THREAD (RFC 5256 §3).
extension CommandExecution {
    mutating func thread(_ arguments: ThreadArguments, _ numbering: Numbering) async throws -> StatusResponse {
        let found = try await found(by: arguments.search)
        let view = try selectedView()
        var threading = MessageThreading(arguments.algorithm.threadAlgorithm)
        for batch in found.batches(of: MessageThreading.batch) {
            for message in try await threading.add(batch, mailroom, view.mailbox) { try leaveOut(message) }
            try await tellProgress(batch.endIndex, of: found.count)
        }
        try await burn(found.count) { [threading] in
            $0.output.writeThread(ThreadData(threading.forest()) { threading.messages[$0].told(numbering) })
        }
        try await flushIfFull()
        return problem ?? .ok("THREAD done")
    }
}

extension ThreadArguments.Algorithm {
    fileprivate var threadAlgorithm: ThreadAlgorithm {
        switch self {
        case .orderedSubject: .orderedSubject
        case .references: .references
        case .refs: .refs
        }
    }
}

extension ThreadData {
    /// `number`: what the client calls the message at a place.
    fileprivate init(_ forest: ThreadForest, _ number: (Int) -> UInt32) {
        self.init()
        numbers = forest.children.indices.map { node in forest.message(at: node).map(number) ?? 0 }
        children = forest.children
        roots = forest.roots
    }
}
