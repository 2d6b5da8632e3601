import Conversation
import Glibc
import MailModel
import NIOCore
import Transport

/// Connects to ports and reads what they say first.
struct PortSurvey: Sendable {
    let dialler: any Dialler
    /// For each step.
    var patience = Duration.seconds(10)

    /// What is to be said, and heard, at a port.
    private struct Talk {
        var isTLS = false
        var name: String?
        var source: String?
        /// What is said before TLS.
        var header: [UInt8] = []
        /// What is said before the other end speaks; nil: that speaks first.
        var question: String?
    }

    /// How far a talk has come.
    private enum Outcome {
        case said(String, content: String?)
        case silent
        case failed(StreamFault, isSecured: Bool)
    }

    /// - parameter isRoots: ports are opened by root, so that it does not matter what whoever runs this may open.
    func listener(_ listener: Configuration.Listener, host: Domain, isRoots: Bool) async -> ListenerFacts {
        // A service that listens everywhere is here too.
        let address =
            switch listener.address {
            case "0.0.0.0": "127.0.0.1"
            case "::": "::1"
            default: listener.address
            }
        var talk = Talk(isTLS: listener.service.isImplicitTLS, name: host.value, source: address)
        // It asks from where it asks, so that it is known whether a proxy of this machine comes from there.
        if IPAddress(address).map(listener.proxies.contains) == true { talk.header = PortSurvey.ownHeader }
        if listener.service.isWeb { talk.question = "GET /health/live HTTP/1.1\r\nHost: \(host.value)\r\nConnection: close\r\n\r\n" }
        let answer: ListenerFacts.Answer
        switch await outcome(address, listener.port, talk) {
        case .said(let line, let content): answer = .said(line, content: content)
        case .silent: answer = .silent(PortSurvey.wordless)
        // Who shows no certificate hears nothing more, by TLSv1.3 (RFC 8446 §4.4.2.4).
        case .failed(.closed, isSecured: true) where listener.clients == .require: answer = .guarded
        case .failed(.tls(let failure), _):
            // Who waits for something else says nothing to a handshake, and more without one.
            talk.isTLS = false
            if case .said(let line, _) = await outcome(address, listener.port, talk), !PortSurvey.isRecord(line) {
                answer = .notTLS(line)
            } else {
                answer = failure.isSpoken ? .silent("\(StreamFault.tls(failure))") : .notTLS(nil)
            }
        case .failed(.unreachable(let reason), _):
            // Without a source of ours: an address that is not this machine's is found by the trial.
            answer = PortSurvey.obstacle(listener, isRoots: isRoots).map { .forbidden($0) } ?? .silent(reason)
        case .failed(let fault, _): answer = .silent("\(fault)")
        }
        return ListenerFacts(service: listener.service, address: listener.address, port: listener.port, answer: answer)
    }

    /// One of TLS: an alert, or a handshake's (RFC 8446 §5.1).
    private static func isRecord(_ line: String) -> Bool { line.utf8.first == 0x15 || line.utf8.first == 0x16 }

    /// Why nobody may listen there, as the system says it; nil: somebody may, or does. Nothing listens for it.
    private static func obstacle(_ listener: Configuration.Listener, isRoots: Bool) -> String? {
        do throws(Listener.Fault) {
            close(try PortSocket.bind(listener.address, port: listener.port))
            return nil
        } catch {
            // What has the port says what it is, or has said nothing.
            guard let code = error.code, code != EADDRINUSE, code != EACCES || !isRoots else { return nil }
            return SystemFault("listen at", listener.address, code: code).reason
        }
    }

    /// The addresses of a host elsewhere, one after the other until one greets; from `sources` where they are given.
    func reach(_ target: String, _ addresses: [IPAddress], port: Int, sources: [AddressFamily: IPAddress]) async -> ReachFacts {
        var fault = SightFault("it has no address")
        for address in addresses {
            switch await outcome(address.description, port, Talk(source: sources[address.isIPv4 ? .ipv4 : .ipv6]?.description)) {
            case .said(let line, _): return ReachFacts(target: target, greeting: .success(line))
            case .silent: fault = SightFault(PortSurvey.wordless)
            case .failed(let reason, _): fault = SightFault("\(reason)")
            }
        }
        return ReachFacts(target: target, greeting: .failure(fault))
    }

    private static let wordless = "it closes the connection and says nothing"
    /// Octets that are read of an answer, and of those the first line's.
    private static let mostOctets = 16_384
    private static let longestLine = 512

    /// The first line, without its end; of who was asked something also what stands behind an empty line.
    private func outcome(_ address: String, _ port: Int, _ talk: Talk) async -> Outcome {
        var isSecured = false
        do {
            let stream = try await dialler.dial(address, port: port, source: talk.source, patience: patience)
            defer { stream.close() }
            if !talk.header.isEmpty { try await stream.write(ByteBuffer(bytes: talk.header), patience: patience) }
            if talk.isTLS {
                try await stream.startTLS(TLSTerms(serverName: talk.name, verification: .none), patience: patience)
                isSecured = true
            }
            if let question = talk.question { try await stream.write(ByteBuffer(string: question), patience: patience) }
            var octets: [UInt8] = []
            do {
                while let bytes = try await stream.read(patience: patience) {
                    octets += bytes.readableBytesView
                    if talk.question == nil, octets.contains(0x0A) || octets.count > PortSurvey.longestLine { break }
                    if octets.count > PortSurvey.mostOctets { break }
                }
                // catch: what has come is what it has said.
            } catch { if octets.isEmpty { throw error } }
            guard !octets.isEmpty else { return .silent }
            let line = String(decoding: octets.prefix { $0 != 0x0D && $0 != 0x0A }.prefix(PortSurvey.longestLine), as: UTF8.self)
            let text = String(decoding: octets, as: UTF8.self)
            return .said(line, content: talk.question == nil ? nil : text.firstRange(of: "\r\n\r\n").map { String(text[$0.upperBound...]) })
        } catch let fault as StreamFault {
            return .failed(fault, isSecured: isSecured)
        } catch {
            return .failed(.unreachable(FaultWords.of(error)), isSecured: isSecured)
        }
    }

    /// A PROXY header that says: this connection is the proxy's own (version 2, LOCAL; the protocol's §2.2).
    private static let ownHeader: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x20, 0x00, 0x00, 0x00]
}
