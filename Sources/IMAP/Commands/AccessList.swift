import MailModel
import PostOffice
import Storage

// GETACL, SETACL, DELETEACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3).
extension CommandExecution {
    mutating func access(_ command: AccessCommand, _ mailbox: MailboxArgument) async throws -> StatusResponse {
        let name = try existing(mailbox)
        switch command {
        case .list:
            let (record, entries) = try await mailroom.accessList(of: name, for: principal)
            output.writeAccessList(record.name, entries.map { ($0.identifier, $0.rights) }, dialect.textMode)
        case .change(let change, let identifier):
            try await mailroom.change(rights: change, of: identifier, on: name, by: principal)
        case .delete(let identifier):
            try await mailroom.change(rights: .replace([]), of: identifier, on: name, by: principal)
        case .rights(let identifier):
            let (record, always, grantable) = try await mailroom.rights(for: identifier, on: name, of: principal)
            output.writeListRights(record.name, identifier, always: always, grantable: grantable, dialect.textMode)
        case .ownRights:
            let (record, rights) = try await mailroom.myRights(on: name, of: principal)
            output.writeMyRights(record.name, rights, dialect.textMode)
        }
        return .ok("\(job.command.verb.rawValue) done")
    }

    /// The rights on another's mailbox may have changed since it was selected: without `r` no command goes on (`MailroomRefusal`), and flags
    /// that may be set now, or no more, are told (RFC 4314 §5.1.1).
    mutating func checkRights(_ needed: Rights) throws {
        // Nothing is copied for one's own.
        guard view?.mailbox.isOwn == false, var view else { return }
        try mailroom.require(needed, in: view.mailbox)
        let scope = try mailroom.rights(in: view.mailbox).flags
        guard scope != view.scope else { return }
        view.scope = scope
        self.view = view
        output.writeFlagsOf(view)
    }

    /// RFC 8440 §3: not for a mailbox that is gone meanwhile.
    mutating func listMyRights(_ record: MailboxRecord) throws {
        do {
            output.writeMyRights(record.name, try mailroom.rights(of: principal, on: record), dialect.textMode)
        } catch StorageFault.noSuchMailbox {
            return
        }
    }
}
