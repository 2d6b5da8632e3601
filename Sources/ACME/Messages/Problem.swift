import MailModel
import NIOCore

/// Why a CA does not do what it was asked (RFC 9457, RFC 8555 §6.7).
package struct Problem: Hashable, Sendable, CustomStringConvertible {
    /// The last part of `urn:ietf:params:acme:error:…`.
    package struct Kind: RawRepresentable, Hashable, Sendable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        static let badNonce = Kind(rawValue: "badNonce")
        static let rateLimited = Kind(rawValue: "rateLimited")
        static let accountDoesNotExist = Kind(rawValue: "accountDoesNotExist")
        static let orderNotReady = Kind(rawValue: "orderNotReady")
        static let rejectedIdentifier = Kind(rawValue: "rejectedIdentifier")
        static let alreadyRevoked = Kind(rawValue: "alreadyRevoked")
        /// RFC 9773 §7.4
        static let alreadyReplaced = Kind(rawValue: "alreadyReplaced")
    }

    /// Nil: it is of no kind that RFC 8555 knows of.
    package let kind: Kind?
    /// In one line of printable ASCII, at most 400 characters; empty: the CA says nothing.
    package let detail: String
    /// Which name it is about, where it is one of several (RFC 8555 §6.7.1).
    let identifier: Identifier?
    /// At most 100.
    package let subproblems: [Problem]

    package init(kind: Kind?, detail: String, subproblems: [Problem] = []) { self.init(kind: kind, detail: detail, identifier: nil, subproblems) }

    init(kind: Kind?, detail: String, identifier: Identifier?, _ subproblems: [Problem] = []) {
        self.kind = kind
        self.detail = ACMEFault.oneLine(detail)
        self.identifier = identifier
        self.subproblems = subproblems
    }

    /// What stands in an answer whose status says that something is wrong; whatever stands there.
    init(_ reply: ACMEReply) {
        // try?: a page in HTML, or nothing: the status says enough.
        let problem = try? JSONText.decode(Problem.self, reply.content, "a problem")
        self = problem ?? Problem(kind: nil, detail: "")
    }

    /// With its kind, as far as known, and those that it consists of.
    package var description: String {
        let own = [kind.map { ACMEFault.oneLine($0.rawValue) } ?? "", detail].filter { !$0.isEmpty }.joined(separator: ": ")
        let others = subproblems.prefix(5).map { problem in (problem.identifier.map { "\(ACMEFault.oneLine($0.value)): " } ?? "") + problem.description }
        return ([own.isEmpty ? "no reason is given" : own] + others).joined(separator: "; ")
    }
}

extension Problem: Decodable {
    private enum CodingKeys: String, CodingKey { case type, detail, identifier, subproblems }
    private static let prefix = "urn:ietf:params:acme:error:"
    private static let mostParts = 100

    package init(from decoder: any Decoder) throws { self = try Problem(from: decoder, mayHaveParts: true) }

    private init(from decoder: any Decoder, mayHaveParts: Bool) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let type = try container.decodeIfPresent(String.self, forKey: .type) ?? ""
        kind = type.hasPrefix(Problem.prefix) ? Kind(rawValue: String(type.dropFirst(Problem.prefix.count))) : nil
        detail = ACMEFault.oneLine(try container.decodeIfPresent(String.self, forKey: .detail) ?? "")
        identifier = try container.decodeIfPresent(Identifier.self, forKey: .identifier)
        // Parts have none themselves (RFC 8555 §6.7.1).
        let parts = mayHaveParts ? try container.decodeIfPresent([Part].self, forKey: .subproblems) ?? [] : []
        subproblems = parts.prefix(Problem.mostParts).map(\.problem)
    }

    private struct Part: Decodable {
        let problem: Problem
        init(from decoder: any Decoder) throws { problem = try Problem(from: decoder, mayHaveParts: false) }
    }
}
