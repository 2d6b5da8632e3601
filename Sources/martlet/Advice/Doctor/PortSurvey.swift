import Conversation
import MailModel
import NIOCore

/// Connects to ports and reads what they say first.
struct PortSurvey: Sendable {
    let dialler: any Dialler
    /// For each step.
    var patience = Duration.seconds(10)

    func listener(_ listener: Configuration.Listener, host: Domain) async -> ListenerFacts {
        // A service that listens everywhere is here too.
        let address =
            switch listener.address {
            case "0.0.0.0": "127.0.0.1"
            case "::": "::1"
            default: listener.address
            }
        let answer: ListenerFacts.Answer
        // It asks from where it asks, so that it is known whether a proxy of this machine comes from there.
        let header = IPAddress(address).map(listener.proxies.contains) == true ? PortSurvey.ownHeader : []
        let question = listener.service.isWeb ? "GET /health/live HTTP/1.1\r\nHost: \(host.value)\r\nConnection: close\r\n\r\n" : nil
        switch await greeting(
            address, listener.port, isTLS: listener.service.isImplicitTLS, name: host.value, source: address, header: header, question: question)
        {
        case .success(let line): answer = .said(line)
        case .failure(let fault): answer = .silent(fault.description)
        }
        return ListenerFacts(service: listener.service, address: listener.address, port: listener.port, answer: answer)
    }

    /// The addresses of a host elsewhere, one after the other until one greets; from `sources` where they are given.
    func reach(_ target: String, _ addresses: [IPAddress], port: Int, sources: [AddressFamily: IPAddress]) async -> ReachFacts {
        var fault = SightFault("it has no address")
        for address in addresses {
            let source = sources[address.isIPv4 ? .ipv4 : .ipv6]?.description
            switch await greeting(address.description, port, isTLS: false, name: nil, source: source) {
            case .success(let line): return ReachFacts(target: target, greeting: .success(line))
            case .failure(let reason): fault = reason
            }
        }
        return ReachFacts(target: target, greeting: .failure(fault))
    }

    /// The first line, without its end; at most 512 octets.
    /// - parameters:
    ///   - header: what is said before TLS.
    ///   - question: what is said before; nil: the other end speaks first.
    private func greeting(
        _ address: String, _ port: Int, isTLS: Bool, name: String?, source: String? = nil, header: [UInt8] = [], question: String? = nil
    ) async -> Result<String, SightFault> {
        do {
            let stream = try await dialler.dial(address, port: port, source: source, patience: patience)
            defer { stream.close() }
            if !header.isEmpty { try await stream.write(ByteBuffer(bytes: header), patience: patience) }
            if isTLS { try await stream.startTLS(TLSTerms(serverName: name, verification: .none), patience: patience) }
            if let question { try await stream.write(ByteBuffer(string: question), patience: patience) }
            var line: [UInt8] = []
            while let bytes = try await stream.read(patience: patience) {
                line += bytes.readableBytesView
                if line.contains(UInt8(ascii: "\n")) || line.count > 512 { break }
            }
            guard !line.isEmpty else { return .failure(SightFault("it closes the connection and says nothing")) }
            return .success(String(decoding: line.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }.prefix(512), as: UTF8.self))
        } catch let fault as StreamFault {
            return .failure(SightFault(PortSurvey.words(fault)))
        } catch {
            return .failure(SightFault("\(error)"))
        }
    }

    /// A PROXY header that says: this connection is the proxy's own (version 2, LOCAL; the protocol's §2.2).
    private static let ownHeader: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x20, 0x00, 0x00, 0x00]

    private static func words(_ fault: StreamFault) -> String {
        switch fault {
        case .unreachable(let reason): reason
        case .timedOut: "no answer in time"
        case .closed: "the connection was cut"
        case .tls(let failure): "TLS failed: \(failure.reason)"
        }
    }
}
