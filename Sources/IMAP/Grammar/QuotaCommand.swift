package import MailModel
package import NIOCore

/// RFC 9208 §4.1.
package enum QuotaCommand: Hashable, Sendable {
    /// GETQUOTA.
    case get(root: String)
    /// GETQUOTAROOT.
    case root(of: MailboxArgument)
    /// SETQUOTA.
    case set(root: String, [QuotaLimit])
}

/// A resource by its name in capitals, and its limit.
package struct QuotaLimit: Hashable, Sendable {
    package let resource: String
    package let limit: UInt64

    package init(_ resource: String, _ limit: UInt64) {
        self.resource = resource
        self.limit = limit
    }
}

extension QuotaCommand: CommandArguments {
    private static let mostResources = 100

    //     getquota = "GETQUOTA" SP quota-root-name ; getquotaroot = "GETQUOTAROOT" SP mailbox           ; RFC 9208 §7
    static func get(_ reader: inout ArgumentReader) throws(SyntaxError) -> QuotaCommand { .get(root: try reader.text()) }
    static func root(_ reader: inout ArgumentReader) throws(SyntaxError) -> QuotaCommand { .root(of: try reader.mailbox()) }

    //     setquota = "SETQUOTA" SP quota-root-name SP setquota-list ; quota-root-name = astring
    //     setquota-list = "(" [setquota-resource *(SP setquota-resource)] ")"
    //     setquota-resource = resource-name SP resource-limit ; resource-limit = number64
    static func set(_ reader: inout ArgumentReader) throws(SyntaxError) -> QuotaCommand {
        let root = try reader.text()
        try reader.space()
        var limits: [QuotaLimit] = []
        try reader.list(atMost: mostResources, orEmpty: true) { (reader) throws(SyntaxError) in
            let name = try reader.keyword()
            try reader.space()
            limits.append(QuotaLimit(name, try reader.number(upTo: UInt64(Int64.max))))
        }
        return .set(root: root, limits)
    }
}

extension ByteBuffer {
    //     quotaroot-response = "QUOTAROOT" SP mailbox *(SP quota-root-name)
    package mutating func writeQuotaRoot(_ root: String, of mailbox: MailboxName, _ mode: TextMode) {
        write("* QUOTAROOT ")
        writeMailbox(mailbox, mode)
        write(" ")
        writeAString(root, mode)
        write("\r\n")
    }

    //     quota-response = "QUOTA" SP quota-root-name SP quota-list
    //     quota-list     = "(" quota-resource *(SP quota-resource) ")" ; quota-resource = resource-name SP resource-usage SP resource-limit
    package mutating func writeQuota(_ root: String, _ resources: [(name: String, usage: Int64, limit: Int64)], _ mode: TextMode) {
        write("* QUOTA ")
        writeAString(root, mode)
        write(" (")
        for (index, resource) in resources.enumerated() {
            if index > 0 { write(" ") }
            writeString(resource.name)
            write(" ")
            writeDecimal(resource.usage)
            write(" ")
            writeDecimal(resource.limit)
        }
        write(")\r\n")
    }
}
