import MailModel
import MessageFormat

// Commands about mailboxes.
extension ArgumentReader {
    private static let mostOptions = 100

    //     select = "SELECT" SP mailbox [select-params]                               ; RFC 9051 §9, RFC 4466 §6
    //     select-params = SP "(" select-param *(SP select-param) ")"
    //     select-param =/ "CONDSTORE" / "QRESYNC" SP "(" … ")"                       ; RFC 7162 §7
    mutating func selectArguments() throws(SyntaxError) -> SelectArguments {
        var arguments = SelectArguments(try mailbox())
        guard scanner.take(0x20) else { return arguments }
        try list(atMost: ArgumentReader.mostOptions) { (reader) throws(SyntaxError) in
            switch try reader.keyword() {
            case "CONDSTORE": arguments.condstore = true
            case "QRESYNC" where arguments.resync == nil:
                try reader.space()
                arguments.resync = try reader.resyncPoint()
            default: throw SyntaxError("Unknown SELECT parameter")
            }
        }
        return arguments
    }

    //     create = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]
    //     create-param =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"                 ; RFC 6154 §6
    mutating func createArguments() throws(SyntaxError) -> CreateArguments {
        var arguments = CreateArguments(try mailbox())
        guard scanner.take(0x20) else { return arguments }
        try list(atMost: 1) { (reader) throws(SyntaxError) in
            guard try reader.keyword() == "USE" else { throw SyntaxError("Unknown CREATE parameter") }
            try reader.space()
            try reader.list(atMost: ArgumentReader.mostOptions, orEmpty: true) { (reader) throws(SyntaxError) in
                guard reader.take("\\") else { throw SyntaxError("Special use expected") }
                let name = "\\" + (try reader.atom())
                if let use = SpecialUse.allCases.first(where: { $0.rawValue.lowercased() == name.lowercased() }) {
                    if !arguments.specialUses.contains(use) { arguments.specialUses.append(use) }
                } else {
                    arguments.unknownUses.append(name)
                }
            }
        }
        return arguments
    }

    //     status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"        ; RFC 9051 §9
    /// Without doubles.
    mutating func statusItems() throws(SyntaxError) -> [StatusItem] {
        var items: [StatusItem] = []
        try list(atMost: ArgumentReader.mostOptions) { (reader) throws(SyntaxError) in
            guard let item = StatusItem(rawValue: try reader.keyword()) else {
                throw SyntaxError("Unknown STATUS item")
            }
            if !items.contains(item) { items.append(item) }
        }
        return items
    }

    //     list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]   ; RFC 9051 §9
    mutating func listArguments() throws(SyntaxError) -> ListArguments {
        var arguments = ListArguments(reference: "", patterns: [])
        if peek() == UInt8(ascii: "(") {
            arguments.isExtended = true
            arguments.selection = try listSelection()
            try space()
        }
        arguments.reference = decoded(try text())
        try space()
        if peek() == UInt8(ascii: "(") {
            arguments.isExtended = true
            //     patterns = "(" list-mailbox *(SP list-mailbox) ")"
            var octets = 0
            try list(atMost: ListArguments.mostPatterns) { (reader) throws(SyntaxError) in
                let pattern = try reader.listMailbox()
                octets += arguments.reference.utf8.count + pattern.utf8.count
                guard octets <= ListArguments.mostPatternOctets else { throw SyntaxError("List too long") }
                arguments.patterns.append(pattern)
            }
        } else {
            arguments.patterns = [try listMailbox()]
        }
        if scanner.take(0x20) {
            arguments.isExtended = true
            arguments.returns = try listReturns()
        }
        return arguments
    }

    //     list-mailbox = 1*list-char / string
    mutating func listMailbox() throws(SyntaxError) -> String {
        let octets = scanner.take(while: .listCharacter)
        return decoded(try ArgumentReader.text(octets.readableBytes > 0 ? octets : try string()))
    }

    //     list-select-opts = "(" [(*(list-select-opt SP) list-select-base-opt *(SP list-select-opt)) / ...] ")"
    private mutating func listSelection() throws(SyntaxError) -> Set<ListArguments.Selection> {
        var selection: Set<ListArguments.Selection> = []
        try list(atMost: ArgumentReader.mostOptions, orEmpty: true) { (reader) throws(SyntaxError) in
            guard let option = ListArguments.Selection(rawValue: try reader.keyword()) else {
                throw SyntaxError("Unknown LIST selection option")
            }
            selection.insert(option)
        }
        // RFC 5258 §3.1: it needs a base option; RFC 6154 §5.2: SPECIAL-USE is one.
        if selection.contains(.recursiveMatch), !selection.contains(.subscribed), !selection.contains(.specialUse) {
            throw SyntaxError("RECURSIVEMATCH cannot stand alone")
        }
        return selection
    }

    //     list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"
    //     return-option = "SUBSCRIBED" / "CHILDREN" / status-option / "SPECIAL-USE" / "MYRIGHTS"   ; RFC 8440 §5
    //     return-option =/ "METADATA" SP entries                                     ; RFC 9590 §5
    //     status-option = "STATUS" SP "(" ... ")"
    private mutating func listReturns() throws(SyntaxError) -> [ListArguments.Return] {
        guard try keyword() == "RETURN" else { throw SyntaxError("RETURN expected") }
        try space()
        var returns: [ListArguments.Return] = []
        var hasStatus = false
        try list(atMost: ArgumentReader.mostOptions, orEmpty: true) { (reader) throws(SyntaxError) in
            let option: ListArguments.Return
            switch try reader.keyword() {
            case "SUBSCRIBED": option = .subscribed
            case "CHILDREN": option = .children
            case "SPECIAL-USE": option = .specialUse
            case "MYRIGHTS": option = .myRights
            case "METADATA":
                try reader.space()
                option = .metadata(try reader.metadataEntries())
            case "STATUS":
                guard !hasStatus else { throw SyntaxError("STATUS given twice") }
                hasStatus = true
                try reader.space()
                option = .status(try reader.statusItems())
            default: throw SyntaxError("Unknown LIST return option")
            }
            if !returns.contains(option) { returns.append(option) }
        }
        return returns
    }
}
