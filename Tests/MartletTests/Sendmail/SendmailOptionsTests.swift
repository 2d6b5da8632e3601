import Testing

@testable import martlet

@Suite("sendmail(8): options")
struct SendmailOptionsTests {
    private func options(_ text: String, name: String = "sendmail") throws(SendmailOptions.Fault) -> SendmailOptions {
        try SendmailOptions(name: name, text.split(separator: " ").map(String.init))
    }

    @Test(
        "those that programs use, apart and together",
        arguments: ["-t -i -f bob@x.example ann", "-ti -fbob@x.example ann", "-oi -t -r bob@x.example ann", "-oem -odb -bm -t -i -f bob@x.example -- ann"])
    func usual(_ text: String) throws {
        let options = try options(text)
        #expect(options.readsRecipients && !options.endsAtDot && options.sender == "bob@x.example" && options.recipients == ["ann"])
        #expect(options.task == .deliver)
    }

    @Test("values may follow or be there")
    func values() throws {
        let options = try options("-FName -N success,delay -Rhdrs -V id-1 -B8BITMIME -X /dev/null a b")
        #expect(options.fullName == "Name" && options.notify == [.success, .delay] && options.returned == .returnsHeader)
        #expect(options.envelopeID == "id-1" && options.recipients == ["a", "b"] && options.endsAtDot && options.sender == nil)
        #expect(try self.options("-f <>").sender == "")
        #expect(try self.options("-N never a").notify == .never)
        #expect(try SendmailOptions(name: "sendmail", ["-f", ""]).sender == "")
    }

    @Test("other tasks")
    func tasks() throws {
        #expect(try options("-bp").task == .listQueue)
        #expect(try options("", name: "mailq").task == .listQueue)
        for text in ["-q", "-q15m", "-bi"] { #expect(try options(text).task == .nothing) }
        #expect(try options("", name: "newaliases").task == .nothing)
    }

    @Test("what makes no sense is said", arguments: ["-z", "-f", "-bs", "-bd", "-N often", "-R some", "-tz"])
    func faults(_ text: String) {
        #expect(throws: SendmailOptions.Fault.self) { try options(text) }
    }
}
