import MailModel
import NIOCore

extension ByteBuffer {
    //     resp-text-code = "ALERT" / ...                                             ; RFC 9051 §9
    mutating func write(_ code: ResponseCode) {
        if let name = code.name { return write(name) }
        switch code {
        case .appendLimit(let octets):
            write("APPENDLIMIT ")
            if let octets { writeDecimal(octets) } else { write("NIL") }
        case .appendUID(let validity, let uids):
            writeCode("APPENDUID ", validity.rawValue)
            write(" ")
            writeNumbers(uids)
        case .badURL(let url): writeURL(url)
        case .badCharset(let names): writeCharsets(names)
        case .badEvent(let events): writeEvents(events)
        case .capability(let names):
            write("CAPABILITY ")
            writeString(names.joined(separator: " "))
        case .copyUID(let validity, let source, let target):
            writeCode("COPYUID ", validity.rawValue)
            write(" ")
            writeUIDs(source)
            write(" ")
            writeUIDs(target)
        case .highestModSeq(let modSeq): writeCode("HIGHESTMODSEQ ", modSeq.rawValue)
        //     "INPROGRESS" [SP "(" string SP (number64 / nil) SP (nz-number64 / nil) ")"]
        case .inProgress(let tag, let done, let total):
            write("INPROGRESS (")
            writeString(tag.value, .ascii)
            write(" ")
            writeDecimal(done)
            write(" ")
            writeDecimal(total)
            write(")")
        case .mailboxID(let id):
            write("MAILBOXID (")
            writeString(id.objectID)
            write(")")
        case .messageLimit(let most, let lowest):
            writeCode("MESSAGELIMIT ", most)
            if let lowest { writeCode(" ", lowest.rawValue) }
        case .metadataLongEntries(let octets): writeCode("METADATA LONGENTRIES ", octets)
        case .metadataMaxSize(let octets): writeCode("METADATA MAXSIZE ", octets)
        case .modified(let set):
            write("MODIFIED ")
            writeNumbers(set)
        //     resp-text-code =/ "NOUPDATE" SP quoted                                 ; RFC 5267 §5
        case .noUpdate(let tag):
            write("NOUPDATE ")
            writeString(tag.value, .ascii)
        case .permanentFlags(let system, let keywords, let canCreate):
            write("PERMANENTFLAGS ")
            writeFlags(system, keywords, canCreate ? "\\*" : nil)
        case .uidNext(let uid): writeCode("UIDNEXT ", uid.rawValue)
        case .uidValidity(let validity): writeCode("UIDVALIDITY ", validity.rawValue)
        case .unseen(let number): writeCode("UNSEEN ", number)
        case .word(let name): writeString(name)
        default: break
        }
    }

    private mutating func writeCode(_ name: StaticString, _ number: some FixedWidthInteger) {
        write(name)
        writeDecimal(number)
    }

    //     unsupported-events-code = "BADEVENT" SP "(" event-name *(SP event-name) ")"        ; RFC 5465 §8
    private mutating func writeEvents(_ events: NotifyEvents) {
        write("BADEVENT ")
        var parting: StaticString = "("
        for named in NotifyEvents.named where events.contains(named.event) {
            write(parting)
            write(named.name)
            parting = " "
        }
        write(")")
    }

    //     badurl-response-code = "BADURL" SP url-resp-text                           ; RFC 4469 §5
    //     url-resp-text = 1*(%x01-09 / %x0B-0C / %x0E-5B / %x5D-FE)
    private mutating func writeURL(_ url: String) {
        write("BADURL ")
        let shown = url.utf8.filter { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "]") && $0 != UInt8(ascii: "\\") }.prefix(1_000)
        writeBytes(shown.isEmpty ? [UInt8(ascii: "?")] : Array(shown))
    }

    //     "BADCHARSET" [SP "(" charset *(SP charset) ")"]
    private mutating func writeCharsets(_ names: [String]) {
        write("BADCHARSET")
        for (index, name) in names.enumerated() {
            write(index == 0 ? " (" : " ")
            writeAString(name, .ascii)
        }
        if !names.isEmpty { write(")") }
    }
}

extension ResponseCode {
    /// Of a code without data.
    fileprivate var name: StaticString? {
        switch self {
        case .alert: "ALERT"
        case .alreadyExists: "ALREADYEXISTS"
        case .authenticationFailed: "AUTHENTICATIONFAILED"
        case .authorizationFailed: "AUTHORIZATIONFAILED"
        case .cannot: "CANNOT"
        case .clientBug: "CLIENTBUG"
        case .closed: "CLOSED"
        case .compressionActive: "COMPRESSIONACTIVE"
        case .contactAdmin: "CONTACTADMIN"
        case .corruption: "CORRUPTION"
        case .expired: "EXPIRED"
        case .expungeIssued: "EXPUNGEISSUED"
        case .hasChildren: "HASCHILDREN"
        case .inUse: "INUSE"
        case .limit: "LIMIT"
        case .metadataTooMany: "METADATA TOOMANY"
        case .noModSeq: "NOMODSEQ"
        case .nonExistent: "NONEXISTENT"
        case .noPerm: "NOPERM"
        case .notificationOverflow: "NOTIFICATIONOVERFLOW"
        case .notSaved: "NOTSAVED"
        case .overQuota: "OVERQUOTA"
        case .parse: "PARSE"
        case .privacyRequired: "PRIVACYREQUIRED"
        case .readOnly: "READ-ONLY"
        case .readWrite: "READ-WRITE"
        case .serverBug: "SERVERBUG"
        case .tooBig: "TOOBIG"
        case .tryCreate: "TRYCREATE"
        case .uidNotSticky: "UIDNOTSTICKY"
        case .uidRequired: "UIDREQUIRED"
        case .unavailable: "UNAVAILABLE"
        case .unknownCTE: "UNKNOWN-CTE"
        case .useAttr: "USEATTR"
        case .appendLimit, .appendUID, .badCharset, .badEvent, .badURL, .capability, .copyUID, .highestModSeq, .inProgress, .mailboxID, .messageLimit,
            .metadataLongEntries, .metadataMaxSize, .modified, .noUpdate,
            .permanentFlags, .uidNext,
            .uidValidity, .unseen, .word:
            nil
        }
    }
}
