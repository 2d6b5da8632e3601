package import MailModel
package import Storage

// Annotations (RFC 5464).
extension Mailroom {
    /// Octets of a value.
    package static let longestAnnotation = 16 << 10

    /// Any of these, with `l`, lets a user see and set annotations of another's mailbox, shared ones too (RFC 5464 §3.3).
    private static let annotating: Rights = [.read, .seen, .write, .insert, .post]

    /// What the principal may know of a mailbox, under the name it sees, or of the server (nil), in order of name. `noSuchMailbox`, `notPermitted`.
    package func annotations(
        of name: MailboxName?, for principal: Principal
    ) async throws -> (record: MailboxRecord?, annotations: [Annotation]) {
        guard let name else {
            return (nil, (try await store.annotations(of: nil, for: principal.account) + serverAnnotations(principal)).sorted { $0.name < $1.name })
        }
        let record = try await annotated(name, principal)
        return (record, try await annotations(of: record, for: principal))
    }

    /// Of a mailbox that the mailroom gave.
    package func annotations(of record: MailboxRecord, for principal: Principal) async throws -> [Annotation] {
        try requireAnnotating(record, principal)
        var found = try await store.annotations(of: record.id, for: principal.account)
        if let use = record.specialUse {
            found.append(Annotation(name: Mailroom.specialUse, value: Array(use.rawValue.utf8)))
            found.sort { $0.name < $1.name }
        }
        return found
    }

    /// Names in small letters; nil removes. `noSuchMailbox`, `notPermitted`, `annotationTooBig`, `tooManyAnnotations`, `notAllowed` for
    /// what is only read. Nothing is changed then.
    package func set(annotations: [String: [UInt8]?], of name: MailboxName?, by principal: Principal) async throws {
        let record: MailboxRecord? = if let name { try await annotated(name, principal) } else { nil }
        guard !annotations.keys.contains(where: { record == nil ? Annotation.isShared($0) : $0 == Mailroom.specialUse }) else {
            throw record == nil ? MailroomRefusal.notPermitted : .notAllowed("That annotation cannot be changed")
        }
        guard annotations.values.allSatisfy({ $0.map { $0.count <= Mailroom.longestAnnotation } ?? true }) else {
            throw MailroomRefusal.annotationTooBig(Mailroom.longestAnnotation)
        }
        try await store.set(annotations: annotations, of: record?.id, for: principal.account)
    }

    /// RFC 6154 §4: told as an annotation too, to those who own the mailbox; given by CREATE alone.
    private static let specialUse = "/private/specialuse"

    // RFC 5464 §6.2.2: where RFC 5321 §4.5.1 has somebody listen.
    private func serverAnnotations(_ principal: Principal) -> [Annotation] {
        [Annotation(name: "/shared/admin", value: Array("mailto:postmaster@\(principal.name.domain.value)".utf8))]
    }

    private func annotated(_ name: MailboxName, _ principal: Principal) async throws -> MailboxRecord {
        let record = try await mailbox(name, of: principal)
        try requireAnnotating(record, principal)
        return record
    }

    private func requireAnnotating(_ record: MailboxRecord, _ principal: Principal) throws {
        try require([], on: record, of: principal)
        guard try !rights(of: principal, on: record).isDisjoint(with: Mailroom.annotating) else { throw MailroomRefusal.notPermitted }
    }
}
