import Conversation
import Logging
import MailModel
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOTLS

/// HTTP behind a listener's door: HTTP/1.1 in plain text, HTTP/1.1 or HTTP/2 by ALPN behind TLS. See `docs/decisions/0033-http.md`.
struct HTTPGuest: Guest {
    let setting: HTTPSetting
    let security: Security

    init(_ site: HTTPSite, _ security: Security, _ requests: RequestRates, _ logger: Logger) {
        setting = HTTPSetting(site, requests, logger)
        self.security = security
    }

    func enter(_ channel: any Channel, _ visit: Visit) throws {
        let connection = HTTPConnection(setting, visit, channel)
        setting.site.observer?.opened()
        channel.closeFuture.assumeIsolated().whenComplete { _ in connection.closed() }
        let pipeline = channel.pipeline.syncOperations
        switch security {
        case .plain, .startTLS: try connection.speakHTTP1(channel)
        case .implicitTLS(let shelf, let rules):
            try pipeline.addHandler(TLSDoor(shelf, rules, .web) { connection.secured($0) })
            try pipeline.addHandler(HTTPDoor(connection))
        }
    }

    /// In plain text it is said; behind TLS it would cost a handshake, and browsers ask again by themselves.
    func turnAway(_ channel: any Channel, _ refusal: Doorkeeper.Refusal, _ farewells: Farewell.Count) throws {
        setting.site.observer?.refused(refusal)
        var words = ""
        if case .plain = security {
            words = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        }
        try Farewell.say(words, to: channel, .plain, farewells)
    }
}

/// What all connections of a listener share.
final class HTTPSetting: Sendable {
    let site: HTTPSite
    let requests: RequestRates
    let logger: Logger
    let dates = HTTPDates()
    let offersSockets: Bool
    let times: HTTPTimes

    init(_ site: HTTPSite, _ requests: RequestRates, _ logger: Logger) {
        self.site = site
        self.requests = requests
        self.logger = logger
        times = HTTPTimes(site.limits)
        offersSockets = site.routes.routes.contains { if case .socket = $0.answer { true } else { false } }
    }

    var limits: HTTPLimits { site.limits }
}

/// Those limits that are looked at with every request, in the channel's words: conversion is dear.
struct HTTPTimes: Sendable {
    let opening: TimeAmount
    let header: TimeAmount
    let idle: TimeAmount
    let stall: TimeAmount

    init(_ limits: HTTPLimits) {
        opening = TimeAmount(limits.opening)
        header = TimeAmount(limits.header)
        idle = TimeAmount(limits.idle)
        stall = TimeAmount(limits.stall)
    }
}

/// One connection, with all its exchanges. On its event loop.
final class HTTPConnection {
    let setting: HTTPSetting
    let visit: Visit
    private(set) var facts: ConnectionFacts
    var peer: IPAddress { visit.peer }
    /// Tasks of handlers that have not ended.
    private var tasks = 0
    private var isClosed = false
    private var hasEnded = false
    /// Those whose peer may be waited for.
    var exchanges: [HTTPExchange] = []
    /// Armed for the earliest end that one of them had when it was looked at.
    var timer = LazyTimer()

    init(_ setting: HTTPSetting, _ visit: Visit, _ channel: any Channel) {
        self.setting = setting
        self.visit = visit
        facts = visit.facts
    }

    func secured(_ tls: TLSFacts) {
        facts.tls = tls
        tls.client?.tell(setting.logger, visit.facts)
    }

    func taskBegan() { tasks += 1 }

    func taskEnded() {
        tasks -= 1
        endIfOver()
    }

    func closed() {
        guard !isClosed else { return }
        isClosed = true
        timer.disarm()
        setting.site.observer?.closed()
        endIfOver()
    }

    private func endIfOver() {
        guard isClosed, tasks == 0, !hasEnded else { return }
        hasEnded = true
        visit.ended()
    }

    func log(_ message: @autoclosure () -> String) {
        setting.logger.debug("\(message())", metadata: ["connection": "\(facts.id)"])
    }

    /// Octets behind a request that the parser stops at. What is parsed leaves nothing behind but a part of a header.
    private static let mostUnparsed = 64 * 1024

    /// Of a header of HTTP/2, as its fields count with 32 octets each (RFC 9113 §6.5.2); one beyond it ends the connection, as nobody may know what stands behind it.
    private static let mostHeaderOctets = 64 * 1024

    func speakHTTP1(_ channel: any Channel) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = setting.limits.headerOctets
        limits.maxHeaderListSize = setting.limits.headerOctets
        limits.maxHeaderFieldCount = setting.limits.headerFields
        let decoder = RequestDecoder(limits)
        try channel.pipeline.syncOperations.addHandlers(
            HTTPResponseEncoder(), ByteToMessageHandler(decoder, maximumBufferSize: HTTPConnection.mostUnparsed), HTTPExchange(self, decoder))
    }

    func speakHTTP2(_ channel: any Channel) throws {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: setting.limits.streams),
            // More than a request may have: what is somewhat too long is answered on its stream.
            HTTP2Setting(parameter: .maxHeaderListSize, value: HTTPConnection.mostHeaderOctets),
        ]
        // RFC 8441 §3: offered only where a WebSocket is served; browsers try it at once.
        if setting.offersSockets { configuration.initialSettings.append(HTTP2Setting(parameter: .enableConnectProtocol, value: 1)) }
        configuration.maximumBufferedControlFrames = 200
        configuration.maximumSequentialContinuationFrames = 5
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: configuration, streamConfiguration: .init()
        ) { [here = NIOLoopBound(self, eventLoop: channel.eventLoop)] stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.syncOptions?.setOption(.autoRead, value: false)
                try stream.pipeline.syncOperations.addHandler(HTTP2StreamDoor(here.value))
            }
        }
        var management = NIOHTTP2ServerConnectionManagementHandler.Configuration.defaults
        management.maxIdleTime = TimeAmount(setting.limits.idle)
        management.maxGraceTime = TimeAmount(.seconds(30))
        management.keepalive = .init(pingInterval: TimeAmount(setting.limits.ping), ackTimeout: TimeAmount(setting.limits.ping))
        let pipeline = channel.pipeline.syncOperations
        let manager = NIOHTTP2ServerConnectionManagementHandler(eventLoop: channel.eventLoop, configuration: management)
        let inlet = HTTP2Inlet()
        try pipeline.addHandlers(inlet, handler, manager, HTTP2End(self, inlet))
        try channel.syncOptions?.setOption(.autoRead, value: true)
    }
}

/// Until the TLS handshake is done, and with it the protocol agreed on.
private final class HTTPDoor: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let connection: HTTPConnection
    private var timer: Scheduled<Void>?

    init(_ connection: HTTPConnection) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) { begin(context) }

    private func begin(_ context: ChannelHandlerContext) {
        guard timer == nil else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(connection.setting.limits.handshake)) { context.close(promise: nil) }
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.read() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted(let negotiated):
            do {
                // RFC 8737 §3: nothing is said behind that handshake.
                guard negotiated != CertificateShelf.challengeProtocol else { return context.close(promise: nil) }
                if negotiated == "h2" { try connection.speakHTTP2(context.channel) } else { try connection.speakHTTP1(context.channel) }
                context.pipeline.syncOperations.removeHandler(self, promise: nil)
            } catch {
                context.close(promise: nil)
            }
        case ChannelEvent.inputClosed, is ChannelShouldQuiesceEvent: context.close(promise: nil)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection.log("\(error)")
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }
    func channelInactive(context: ChannelHandlerContext) { timer?.cancel() }
}

/// The end of an HTTP/2 connection's pipeline: what is wrong with the connection ends it.
private final class HTTP2End: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let connection: HTTPConnection
    private let inlet: HTTP2Inlet

    init(_ connection: HTTPConnection, _ inlet: HTTP2Inlet) {
        self.connection = connection
        self.inlet = inlet
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Nothing more comes; what is under way may still be answered, but nobody of HTTP/2's clients half-closes.
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A stream's own errors have reset it.
        if error is NIOHTTP2Errors.StreamError { return }
        connection.log("\(error)")
        // GOAWAY has been said. TLS waits for the peer's goodbye, so that it is read.
        inlet.end()
        context.close(promise: nil)
    }
}
