package import Gatehouse
package import MailModel

/// What of a connection decides which extensions and commands it is offered.
package struct Terms: Hashable, Sendable {
    package var role: SMTPRole
    package var isSecured: Bool
    package var isLoopback: Bool
    package var offersStartTLS: Bool
    package var allowsPlaintextLoginOnLoopback: Bool
    package var rules: LoginRules
    /// What the connection can be bound to (RFC 5929 §4).
    package var binding: [UInt8]?
    /// Of the client's certificate.
    package var clientAddresses: [String] = []
    package var offersDSN: Bool
    /// What of the outgoing queue users are offered.
    package var queue: QueueOffer?
    /// When it was said last.
    package var now = Timestamp(rawValue: 0)
    package var localDomain: Domain?
    package var messageLimit: Int
    package var recipientLimit: Int
    package var mailLimit: Int

    package init(_ settings: SMTPSettings, isSecured: Bool, isLoopback: Bool) {
        role = settings.role
        self.isSecured = isSecured
        self.isLoopback = isLoopback
        offersStartTLS = settings.offersStartTLS
        allowsPlaintextLoginOnLoopback = settings.allowsPlaintextLoginOnLoopback
        rules = settings.logins
        offersDSN = settings.offersDSN
        queue = settings.role.isSubmission ? settings.queue : nil
        localDomain = settings.role == .local ? settings.localDomain : nil
        messageLimit = settings.messageLimit
        recipientLimit = settings.recipientLimit
        mailLimit = settings.mailLimit
    }

    /// The parameters of an extension's EHLO line, empty when it has none; nil when it is not offered. What is not offered is not served:
    /// the verbs and parameters of an extension ask here too.
    package func offer(_ name: SMTPExtension) -> String? {
        switch name {
        case .pipelining, .eightBitMIME, .smtpUTF8, .chunking, .enhancedStatusCodes: ""
        case .size: String(messageLimit)
        case .startTLS: !isSecured && offersStartTLS && role != .submissions ? "" : nil
        case .binaryMIME: role.isSubmission ? "" : nil
        case .dsn: offersDSN ? "" : nil
        // "FUTURERELEASE" SP max-future-release-interval SP max-future-release-date-time          (RFC 4865 §4)
        case .futureRelease: queue.map { "\($0.longestHold) \(now.after(seconds: $0.longestHold))" }
        // "DELIVERBY" [ SP min-by-time ]          (RFC 2852 §3)
        case .deliverBy: queue.map { "\($0.shortestDelivery)" }
        // RFC 6710 §3: without a name all of -9...9 differ.
        case .priority: queue.map { _ in "" }
        // RFC 8689 §2: in TLS alone.
        case .requireTLS: isSecured && queue != nil ? "" : nil
        case .localDomain: localDomain?.value
        case .limits: "MAILMAX=\(mailLimit) RCPTMAX=\(recipientLimit)"
        case .auth: logins == .none ? nil : logins.list
        }
    }

    package func offers(_ name: SMTPExtension) -> Bool {
        switch name {
        case .startTLS, .dsn, .localDomain: offer(name) != nil
        case .auth: logins != .none
        case .binaryMIME: role.isSubmission
        case .futureRelease, .deliverBy, .priority: queue != nil
        case .requireTLS: isSecured && queue != nil
        case .pipelining, .size, .eightBitMIME, .smtpUTF8, .chunking, .enhancedStatusCodes, .limits: true
        }
    }

    /// The lines of EHLO's answer after the first.
    package var offers: [String] {
        SMTPExtension.allCases.compactMap { name in
            offer(name).map { $0.isEmpty ? "\(name.keyword)" : "\(name.keyword) \($0)" }
        }
    }

    /// Who hands in mail without a login, or mail for our own accounts alone, is offered none.
    package var logins: LoginOffer {
        guard role.needsLogin else { return .none }
        return LoginOffer(
            isSecure: isSecured, isLoopback: isLoopback, allowsPlaintextOnLoopback: allowsPlaintextLoginOnLoopback, rules: rules,
            binding: binding, addresses: clientAddresses)
    }
}
