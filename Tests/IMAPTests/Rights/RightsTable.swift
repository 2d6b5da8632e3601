import MailModel

/// What each command answers to a user with some rights on another's mailbox `Work` and nothing else: RFC 4314 §4, with the house's rule that
/// nothing is there without `l`.
struct RightsTable {
    enum Outcome: Hashable {
        case ok
        /// NO [NONEXISTENT], as for a name that nobody has.
        case absent
        /// NO [TRYCREATE], the same for APPEND, COPY and MOVE.
        case absentTarget
        /// NO [NOPERM].
        case refused
        /// The mailbox cannot be selected, and so the command cannot be given.
        case unreachable
    }

    /// A line without its tag. WORK stands for the other's mailbox, NEW for a name below it.
    struct Row: Sendable, CustomStringConvertible {
        let line: String
        let isSelected: Bool
        let outcome: @Sendable (Rights) -> Outcome
        var description: String { line }

        /// Given without a mailbox selected; `absent` is what a name nobody has gets.
        init(_ line: String, needs: Rights, absent: Outcome = .absent) {
            self.line = line
            isSelected = false
            outcome = { $0.contains(.lookup) ? $0.isSuperset(of: needs) ? .ok : .refused : absent }
        }

        /// Given with WORK selected.
        init(selected line: String, needs: Rights = [], anyOf: Rights = []) {
            self.line = line
            isSelected = true
            outcome = { rights in
                guard rights.isSuperset(of: [.lookup, .read]) else { return .unreachable }
                return rights.isSuperset(of: needs) && (anyOf.isEmpty || !rights.isDisjoint(with: anyOf)) ? .ok : .refused
            }
        }

        init(always line: String) {
            self.line = line
            isSelected = false
            outcome = { _ in .ok }
        }

        init(_ line: String, _ outcome: @escaping @Sendable (Rights) -> Outcome) {
            self.line = line
            isSelected = false
            self.outcome = outcome
        }
    }

    /// APPEND's and REPLACE's are sent with a message.
    static let rows: [Row] = [
        // Authenticated state.
        Row(always: "LIST \"\" *"), Row(always: "LIST \"\" WORK RETURN (MYRIGHTS STATUS (MESSAGES))"), Row(always: "LSUB \"\" *"),
        // What may not be searched is passed over: RFC 7377 §2.2.
        Row(always: "ESEARCH IN (mailboxes WORK subtree WORK) ALL"),
        Row(always: "SUBSCRIBE WORK"), Row(always: "UNSUBSCRIBE WORK"),
        // Whatever is there, who may not create learns nothing.
        Row("CREATE NEW") { $0.isSuperset(of: [.lookup, .create]) ? .ok : .refused },
        Row("DELETE WORK", needs: .deleteMailbox),
        Row("RENAME WORK NEW2") { rights in
            // NEW2 lies beside WORK, where there is nothing to create below: `k` is on its superior, which has WORK's rights.
            guard rights.contains(.lookup) else { return .absent }
            return rights.isSuperset(of: [.deleteMailbox, .create]) ? .ok : .refused
        },
        Row("SELECT WORK", needs: .read), Row("EXAMINE WORK", needs: .read), Row("STATUS WORK (MESSAGES)", needs: .read),
        Row("SETACL WORK anyone l", needs: .administer), Row("DELETEACL WORK anyone", needs: .administer),
        Row("GETACL WORK", needs: .administer), Row("LISTRIGHTS WORK anyone", needs: .administer), Row("MYRIGHTS WORK", needs: []),
        // RFC 5464 §3.3
        Row("GETMETADATA WORK /shared/comment", metadata), Row("SETMETADATA WORK (/shared/comment \"x\" /private/comment NIL)", metadata),
        // RFC 9208 §6
        Row("GETQUOTAROOT WORK", needs: .read),
        Row("APPEND WORK", needs: .insert, absent: .absentTarget),
        Row("COPY 1 WORK", needs: .insert, absent: .absentTarget), Row("UID COPY 1 WORK", needs: .insert, absent: .absentTarget),
        Row("MOVE 1 WORK", needs: .insert, absent: .absentTarget), Row("UID MOVE 1 WORK", needs: .insert, absent: .absentTarget),
        Row("REPLACE 1 WORK", needs: .insert, absent: .absentTarget), Row("UID REPLACE 1 WORK", needs: .insert, absent: .absentTarget),
        // Selected state.
        Row(selected: "NOOP"), Row(selected: "CHECK"), Row(selected: "CLOSE"), Row(selected: "UNSELECT"),
        Row(selected: "EXPUNGE", needs: .expunge), Row(selected: "UID EXPUNGE 1", needs: .expunge),
        Row(selected: "FETCH 1 (FLAGS ENVELOPE BODY[])"), Row(selected: "UID FETCH 1 BODY[]"),
        Row(selected: "SORT (SUBJECT) UTF-8 ALL"), Row(selected: "UID SORT (SIZE) UTF-8 ALL"),
        Row(selected: "THREAD REFERENCES UTF-8 ALL"), Row(selected: "UID THREAD REFS UTF-8 TEXT tea"),
        Row(selected: "UIDBATCHES 500"),
        Row(selected: "SEARCH TEXT tea"), Row(selected: "UID SEARCH ALL"),
        Row(selected: "UID SORT RETURN (UPDATE) (SIZE) UTF-8 ALL"), Row(selected: "CANCELUPDATE \"x\""),
        Row(selected: "COPY 1 INBOX"), Row(selected: "UID COPY 1 INBOX"),
        Row(selected: "MOVE 1 INBOX", needs: [.deleteMessages, .expunge]), Row(selected: "UID MOVE 1 INBOX", needs: [.deleteMessages, .expunge]),
        // RFC 8508 §3: as MOVE.
        Row(selected: "REPLACE 1 INBOX", needs: [.deleteMessages, .expunge]), Row(selected: "UID REPLACE 1 INBOX", needs: [.deleteMessages, .expunge]),
        Row(selected: "STORE 1 +FLAGS (\\Seen)", needs: .seen), Row(selected: "STORE 1 -FLAGS (\\Deleted)", needs: .deleteMessages),
        Row(selected: "STORE 1 +FLAGS (\\Flagged red)", needs: .write),
        Row(selected: "UID STORE 1 FLAGS (\\Seen \\Deleted \\Draft)", anyOf: [.seen, .deleteMessages, .write]),
        Row(selected: "STORE 1 +FLAGS.SILENT (\\Seen \\Deleted)", anyOf: [.seen, .deleteMessages]),
    ]

    @Sendable private static func metadata(_ rights: Rights) -> Outcome {
        guard rights.contains(.lookup) else { return .absent }
        return rights.isDisjoint(with: [.read, .seen, .write, .insert, .post]) ? .refused : .ok
    }

    /// None, each one, each pair, each pair with `l` and `r`, all but one, and all.
    static let rights: [Rights] = {
        let single = Rights.letters.map(\.right)
        var sets: Set<Rights> = [[], .all]
        for one in single {
            sets.insert(one)
            sets.insert(Rights.all.subtracting(one))
            for other in single {
                sets.insert([one, other])
                sets.insert([.lookup, .read, one, other])
            }
        }
        return sets.sorted { $0.rawValue < $1.rawValue }
    }()

    /// None, each one with `l` and `r`, all but one, and all: for a store that takes its time to begin.
    static let fewRights: [Rights] = {
        let single = Rights.letters.map(\.right)
        return [[], .all] + single.map { Rights.all.subtracting($0) } + single.map { [.lookup, .read, $0] }
    }()
}
