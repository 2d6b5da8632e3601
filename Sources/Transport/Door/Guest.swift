import Conversation
import MailModel
import NIOCore

/// Who answers behind a listener's door, once it is known who came: the session of a line protocol, or HTTP.
protocol Guest: Sendable {
    /// Adds its handlers to the end of the pipeline. On the connection's loop; the channel may be active already.
    func enter(_ channel: any Channel, _ visit: Visit) throws

    /// Tells a peer that it is not let in, and closes.
    func turnAway(_ channel: any Channel, _ refusal: Doorkeeper.Refusal, _ farewells: Farewell.Count) throws
}

/// A connection that was let in.
struct Visit: Sendable {
    /// Who came and where, as a proxy that is believed says it; without TLS.
    let facts: ConnectionFacts
    /// `facts.peerAddress`.
    let peer: IPAddress
    let executor: LoopExecutor
    /// Called once the connection and all its work have ended.
    let ended: @Sendable () -> Void
}

/// A line protocol.
struct LineGuest<Worker: LineWorker>: Guest {
    let worker: Worker
    let setting: LineSetting
    let farewell: @Sendable (Doorkeeper.Refusal) -> String

    func enter(_ channel: any Channel, _ visit: Visit) throws {
        try channel.pipeline.syncOperations.addHandler(LineDriver(worker, setting, visit))
    }

    func turnAway(_ channel: any Channel, _ refusal: Doorkeeper.Refusal, _ farewells: Farewell.Count) throws {
        try Farewell.say(farewell(refusal), to: channel, setting.security, farewells)
    }
}
