import MailModel
import PostOffice
import Storage

// GETMETADATA and SETMETADATA (RFC 5464 §4.2, §4.3); METADATA in LIST (RFC 9590).
extension CommandExecution {
    mutating func metadata(_ command: MetadataCommand, _ mailbox: MailboxArgument) async throws -> StatusResponse {
        let name = try mailbox.text.isEmpty ? nil : existing(mailbox)
        switch command {
        case .get(let entries, let options):
            let (record, annotations) = try await mailroom.annotations(of: name, for: principal)
            let selected = MetadataSelection(annotations, entries, options)
            if !selected.entries.isEmpty { output.writeMetadata(record?.name, selected.entries, dialect.textMode) }
            guard let longest = selected.longest else { return .ok("GETMETADATA done") }
            return .ok("Some values are longer", .metadataLongEntries(longest))
        case .set(let values):
            try await mailroom.set(annotations: values, of: name, by: principal)
            return .ok("SETMETADATA done")
        }
    }

    // RFC 9590 §3: a mailbox that is gone meanwhile, or whose annotations the user may not see, has no answer.
    mutating func listMetadata(_ record: MailboxRecord, _ entries: [String]) async throws {
        do {
            let annotations = try await mailroom.annotations(of: record, for: principal)
            let selected = MetadataSelection(annotations, entries, MetadataOptions())
            output.writeMetadata(record.name, selected.entries, dialect.textMode)
        } catch StorageFault.noSuchMailbox, MailroomRefusal.noSuchMailbox, MailroomRefusal.notPermitted {
            return
        }
    }
}

/// What a GETMETADATA shows of a mailbox's annotations.
struct MetadataSelection {
    /// In the order in which they were asked for; one that was asked for and has nothing at or below it is nil.
    private(set) var entries: [(name: String, value: [UInt8]?)] = []
    /// Octets of the longest value that was left out for its size.
    private(set) var longest: Int?

    init(_ annotations: [Annotation], _ names: [String], _ options: MetadataOptions) {
        var told: Set<String> = []
        for name in names {
            let meant = annotations.filter { options.covers($0.name, below: name) }
            if meant.isEmpty { entries.append((name, nil)) }
            for annotation in meant where told.insert(annotation.name).inserted {
                if let most = options.maxSize, annotation.value.count > most {
                    longest = max(longest ?? 0, annotation.value.count)
                } else {
                    entries.append((annotation.name, annotation.value))
                }
            }
        }
    }
}
