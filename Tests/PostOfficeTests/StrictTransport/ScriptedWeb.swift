import Conversation
import NIOCore
import Synchronization

/// The web as the test says, and what was asked of it.
final class ScriptedWeb: WebFetcher {
    private struct State {
        var pages: [String: Result<WebReply, WebFault>] = [:]
        var asked: [WebRequest] = []
        var waiting: [CheckedContinuation<Void, Never>] = []
        var isHeld = false
        var arrivals = 0
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }
    private let state = Mutex(State())

    var asked: [WebRequest] { state.withLock { $0.asked } }

    func set(_ host: String, _ text: String, status: Int = 200, type: String? = "text/plain") {
        let fields: HTTPFields = type.map { ["Content-Type": $0] } ?? [:]
        state.withLock { $0.pages[host] = .success(WebReply(status: status, fields: fields, content: ByteBuffer(string: text))) }
    }

    func set(_ host: String, _ fault: WebFault) { state.withLock { $0.pages[host] = .failure(fault) } }

    /// Answers wait until they are let go.
    func hold() { state.withLock { $0.isHeld = true } }

    func letGo() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isHeld = false
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when so many have asked.
    func whenAsked(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                guard state.asked.count < count else { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    func fetch(_ request: WebRequest) async throws -> WebReply {
        let (isHeld, watchers) = state.withLock { state in
            state.asked.append(request)
            let ready = state.watchers.filter { $0.count <= state.asked.count }
            state.watchers.removeAll { $0.count <= state.asked.count }
            return (state.isHeld, ready)
        }
        for watcher in watchers { watcher.continuation.resume() }
        if isHeld {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.isHeld else { return true }
                    state.waiting.append(continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        }
        try Task.checkCancellation()
        return try state.withLock { $0.pages[request.host.description] ?? .failure(.unreachable("nobody")) }.get()
    }
}
