import MailModel
import MessageFormat
import NIOCore

/// Values of parameters that say how a message is to be delivered, and what of it is to be told. Each scanner holds a value and nothing else.
extension ByteScanner {
    // ret-value = "FULL" / "HDRS"          (RFC 3461 §4.3)
    mutating func takeReturned() throws(SyntaxError) -> MailParameter.Returned {
        if take(caseInsensitive: "FULL"), isAtEnd { return .full }
        position = 0
        if take(caseInsensitive: "HDRS"), isAtEnd { return .header }
        throw .parameter
    }

    // envid-parameter = "ENVID=" xtext, of at most 100 characters that decode to printable ones          (RFC 3461 §4.4)
    func takeEnvelopeID() throws(SyntaxError) -> String {
        guard (1...100).contains(remaining), let text = String(validating: rest.readableBytesView, as: UTF8.self), XText.printable(text) != nil
        else { throw .parameter }
        return text
    }

    // future-release-interval = future-release-integer;  future-release-integer = %x31-39 *8DIGIT          (RFC 4865 §4)
    mutating func takeHoldInterval() throws(SyntaxError) -> Int {
        guard (1...9).contains(remaining), peek() != UInt8(ascii: "0"), let seconds = takeNumber(upTo: 999_999_999), isAtEnd else { throw .parameter }
        return Int(seconds)
    }

    // future-release-date-time = date-time of RFC 3339 §5.6          (RFC 4865 §4)
    func takeHoldEnd() throws(SyntaxError) -> Timestamp {
        var scanner = self
        guard remaining <= 40, let moment = scanner.takeDateTime(), scanner.isAtEnd else { throw .parameter }
        return moment
    }

    // by-value = by-time ";" by-mode [ by-trace ];  by-time = ["-" / "+"] 1*9DIGIT;  by-mode = "N" / "R";  by-trace = "T"          (RFC 2852 §4)
    mutating func takeDeliveryTime() throws(SyntaxError) -> MailParameter.DeliveryTime {
        let isNegative = take(UInt8(ascii: "-"))
        if !isNegative { _ = take(UInt8(ascii: "+")) }
        let start = position
        guard let number = takeNumber(upTo: 999_999_999), position - start <= 9, take(UInt8(ascii: ";")) else { throw .parameter }
        let seconds = isNegative ? -Int(number) : Int(number)
        let isReturned = take(caseInsensitive: "R")
        guard isReturned || take(caseInsensitive: "N") else { throw .parameter }
        let isTraced = take(caseInsensitive: "T")
        // §4.1.1: what is over already cannot come back in time.
        guard isAtEnd, seconds > 0 || !isReturned else { throw .parameter }
        return MailParameter.DeliveryTime(seconds: seconds, isReturned: isReturned, isTraced: isTraced)
    }

    // priority-value = (["-"] NZDIGIT) / "0"          (RFC 6710 §8)
    mutating func takePriority() throws(SyntaxError) -> Int8 {
        let isNegative = take(UInt8(ascii: "-"))
        guard remaining == 1, let digit = takeNumber(upTo: 9), !isNegative || digit > 0 else { throw .parameter }
        return isNegative ? -Int8(digit) : Int8(digit)
    }

    // notify-esmtp-value = "NEVER" / 1#notify-list-element;  notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"          (RFC 3461 §4.1)
    mutating func takeNotify() throws(SyntaxError) -> RcptParameter.Notify {
        if take(caseInsensitive: "NEVER") {
            guard isAtEnd else { throw .parameter }
            return .never
        }
        var notify: RcptParameter.Notify = []
        repeat {
            if take(caseInsensitive: "SUCCESS") {
                notify.insert(.success)
            } else if take(caseInsensitive: "FAILURE") {
                notify.insert(.failure)
            } else if take(caseInsensitive: "DELAY") {
                notify.insert(.delay)
            } else {
                throw .parameter
            }
        } while take(UInt8(ascii: ","))
        guard isAtEnd else { throw .parameter }
        return notify
    }

    // orcpt-parameter = "ORCPT=" original-recipient-address;  original-recipient-address = addr-type ";" xtext          (RFC 3461 §4.2)
    func takeOriginalRecipient() throws(SyntaxError) -> RcptParameter {
        guard remaining <= OriginalRecipient.most, let text = String(validating: rest.readableBytesView, as: UTF8.self),
            let original = OriginalRecipient(text)
        else { throw .parameter }
        let isASCII = text.utf8.allSatisfy { $0 < 0x80 }
        // What came in ASCII goes on as it came, but for what names the wrong type.
        if isASCII, text.lowercased().hasPrefix("\(original.type);") { return .original(text, isUTF8: false) }
        guard original.written.utf8.count <= OriginalRecipient.most else { throw .parameter }
        return .original(original.written, isUTF8: !isASCII)
    }

    // date-time = full-date "T" full-time;  full-time = 2DIGIT ":" 2DIGIT ":" 2DIGIT ["." 1*DIGIT] ("Z" / ("+" / "-") 2DIGIT ":" 2DIGIT)
    private mutating func takeDateTime() -> Timestamp? {
        guard let year = takeDigits(4), take(UInt8(ascii: "-")), let month = takeDigits(2), take(UInt8(ascii: "-")), let day = takeDigits(2),
            take(caseInsensitive: "T"), let hour = takeDigits(2), take(UInt8(ascii: ":")), let minute = takeDigits(2), take(UInt8(ascii: ":")),
            let second = takeDigits(2)
        else { return nil }
        if take(UInt8(ascii: ".")), skip(while: OctetSet.digits) == 0 { return nil }
        var offset = 0
        if !take(caseInsensitive: "Z") {
            let isWest = take(UInt8(ascii: "-"))
            guard isWest || take(UInt8(ascii: "+")), let hours = takeDigits(2), take(UInt8(ascii: ":")), let minutes = takeDigits(2), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (isWest ? -1 : 1)
        }
        return Timestamp(Timestamp.Civil(year: year, month: month, day: day, hour: hour, minute: minute, second: second), offset: offset)
    }

    private mutating func takeDigits(_ count: Int) -> Int? {
        guard let digits = take(count: count), digits.readableBytesView.allSatisfy(OctetSet.digits.contains) else { return nil }
        return digits.readableBytesView.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}
