package import MailModel
package import NIOCore

/// A mailbox's attributes in LIST (RFC 9051 §7.3.1), in the order in which they are written.
package struct MailboxAttributes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Not selectable; nonExistent says that too.
    package static let noSelect = MailboxAttributes(rawValue: 1)
    package static let nonExistent = MailboxAttributes(rawValue: 2)
    package static let noInferiors = MailboxAttributes(rawValue: 4)
    package static let hasChildren = MailboxAttributes(rawValue: 8)
    package static let hasNoChildren = MailboxAttributes(rawValue: 16)
    package static let marked = MailboxAttributes(rawValue: 32)
    package static let unmarked = MailboxAttributes(rawValue: 64)
    package static let subscribed = MailboxAttributes(rawValue: 128)

    static let named: [(attribute: MailboxAttributes, name: StaticString)] = [
        (.noSelect, "\\Noselect"), (.nonExistent, "\\NonExistent"), (.noInferiors, "\\Noinferiors"),
        (.hasChildren, "\\HasChildren"),
        (.hasNoChildren, "\\HasNoChildren"), (.marked, "\\Marked"), (.unmarked, "\\Unmarked"),
        (.subscribed, "\\Subscribed"),
    ]
}

/// One line of LIST or LSUB.
package struct MailboxListing: Hashable, Sendable {
    package var name: MailboxName
    package var attributes: MailboxAttributes
    package var specialUse: SpecialUse?
    /// CHILDINFO ("SUBSCRIBED"): a mailbox below it is subscribed (RFC 9051 §6.3.9.6).
    package var hasSubscribedChild: Bool
    /// OLDNAME (RFC 9051 §6.3.9.7): what the client called it, as it wrote it.
    package var oldName: String?

    package init(
        _ name: MailboxName, _ attributes: MailboxAttributes = [], specialUse: SpecialUse? = nil,
        hasSubscribedChild: Bool = false,
        oldName: String? = nil
    ) {
        self.name = name
        self.attributes = attributes
        self.specialUse = specialUse
        self.hasSubscribedChild = hasSubscribedChild
        self.oldName = oldName
    }
}

/// A counter that STATUS shows.
package enum StatusValue: Hashable, Sendable {
    case number(UInt64)
    case mailboxID(MailboxID)
    /// NIL: no limit.
    case none
}

/// A namespace (RFC 2342 §5): the prefix of its mailboxes' names; the separator is "/".
package struct Namespace: Hashable, Sendable {
    package let prefix: String
    package init(prefix: String) { self.prefix = prefix }
}

extension ByteBuffer {
    package enum ListKind: Sendable {
        case list
        case lsub
    }

    //     mailbox-data = "LIST" SP mailbox-list / "LSUB" SP mailbox-list / ...
    //     mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox
    //                    [SP mbox-list-extended]
    package mutating func writeListing(_ listing: MailboxListing, _ kind: ListKind = .list, _ mode: TextMode) {
        switch kind {
        case .list: write("* LIST (")
        case .lsub: write("* LSUB (")
        }
        let start = writerIndex
        for named in MailboxAttributes.named where listing.attributes.contains(named.attribute) {
            if writerIndex > start { write(" ") }
            write(named.name)
        }
        if let use = listing.specialUse {
            if writerIndex > start { write(" ") }
            writeString(use.rawValue)
        }
        write(") \"/\" ")
        writeMailbox(listing.name, mode)
        writeExtended(listing, mode)
        write("\r\n")
    }

    //     mbox-list-extended = "(" [mbox-list-extended-item *(SP mbox-list-extended-item)] ")"
    //     childinfo-extended-item = "CHILDINFO" SP "(" list-select-base-opt-quoted ... ")"
    //     oldname-extended-item = "OLDNAME" SP "(" mailbox ")"
    private mutating func writeExtended(_ listing: MailboxListing, _ mode: TextMode) {
        guard listing.hasSubscribedChild || listing.oldName != nil else { return }
        write(" (")
        if listing.hasSubscribedChild { write("\"CHILDINFO\" (\"SUBSCRIBED\")") }
        if let old = listing.oldName {
            write(listing.hasSubscribedChild ? " \"OLDNAME\" (" : "\"OLDNAME\" (")
            writeMailbox(text: old, mode)
            write(")")
        }
        write(")")
    }

    /// The answer to `LIST "" ""`: the separator and the root (RFC 9051 §6.3.9).
    package mutating func writeHierarchyRoot() { write("* LIST (\\Noselect) \"/\" \"\"\r\n") }

    //     mailbox-data =/ "STATUS" SP mailbox SP "(" [status-att-list] ")"
    package mutating func writeStatus(
        _ name: MailboxName, _ values: [(item: StatusItem, value: StatusValue)], _ mode: TextMode
    ) {
        write("* STATUS ")
        writeMailbox(name, mode)
        for (index, entry) in values.enumerated() {
            write(index == 0 ? " (" : " ")
            writeString(entry.item.rawValue)
            write(" ")
            switch entry.value {
            case .number(let number): writeDecimal(number)
            case .mailboxID(let id):
                write("(")
                writeString(id.objectID)
                write(")")
            case .none: write("NIL")
            }
        }
        write(values.isEmpty ? " ()\r\n" : ")\r\n")
    }

    //     namespace-response = "NAMESPACE" SP namespace SP namespace SP namespace    ; RFC 9051 §9
    package mutating func writeNamespaces(
        personal: [Namespace], others: [Namespace] = [], shared: [Namespace] = [], _ mode: TextMode
    ) {
        write("* NAMESPACE")
        for namespaces in [personal, others, shared] {
            write(namespaces.isEmpty ? " NIL" : " (")
            for namespace in namespaces {
                write("(")
                var prefix = ByteBuffer()
                if mode == .ascii {
                    ModifiedUTF7.encode(namespace.prefix, into: &prefix)
                } else {
                    prefix.writeString(namespace.prefix)
                }
                writeString(String(buffer: prefix), mode)
                write(" \"/\")")
            }
            if !namespaces.isEmpty { write(")") }
        }
        write("\r\n")
    }
}
