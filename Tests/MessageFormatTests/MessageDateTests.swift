import MailModel
import MessageFormat
import Testing

@Suite struct MessageDateTests {
    static let table: [(String, String?, Int)] = [
        ("Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z", -360),
        ("21 Nov 1997 09:55 +0130", "1997-11-21T08:25:00Z", 90),
        ("Thu,\r\n 13\r\n Feb\r\n 1969\r\n 23:32\r\n -0330 (Newfoundland Time)", "1969-02-14T03:02:00Z", -210),
        ("21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z", 0),
        ("21 Nov 03 09:55:06 EST", "2003-11-21T14:55:06Z", -300),
        ("21 Nov 103 09:55:06 pdt", "2003-11-21T16:55:06Z", -420),
        ("Fri (a), (b) 21 (c) Nov 1997 09(d):(e)55 : 06 (f) A", "1997-11-21T09:55:06Z", 0),
        ("Sat Jan  5 10:00:00 2008", "2008-01-05T10:00:00Z", 0),
        ("Sat Jan  5 10:00:00 EST 2008", "2008-01-05T15:00:00Z", -300),
        ("5-Jan-2008 10:00:00 +0000", "2008-01-05T10:00:00Z", 0),
        ("Saturday, 5 January 2008 10:00:00", "2008-01-05T10:00:00Z", 0),
        ("29 Feb 2000 00:00:60 +0000", "2000-02-29T00:00:59Z", 0),
        ("1 Jan 2020 00:00:00 +9999", "2020-01-01T00:00:00Z", 0),
        ("1 Jan 2020 00:00:00 -0000", "2020-01-01T00:00:00Z", 0),
        ("29 Feb 2001 00:00:00 +0000", nil, 0), ("32 Jan 2020 00:00 +0000", nil, 0), ("1 Jan 2020 24:00 +0000", nil, 0),
        ("1 Jan 20200 00:00 +0000", nil, 0), ("", nil, 0), ("yesterday", nil, 0), ("1 Jan 2020", nil, 0),
        ("99999999999999999999 Jan 2020 00:00", nil, 0), ("1 (((((((((((", nil, 0),
    ]

    @Test("dates, with obsolete zones and years, comments and folding: RFC 5322 §3.3, §4.3", arguments: table)
    func parses(text: String, moment: String?, offset: Int) {
        let date = MessageDate.parse(text)
        #expect(date?.timestamp.description == moment)
        if moment != nil { #expect(date?.offset == offset) }
    }

    @Test("the date as written, not as in UTC, is what SENTON compares: RFC 9051 §6.4.4")
    func civil() {
        let civil = MessageDate.parse("1 Jan 2020 00:30:00 +0200")?.civil
        #expect(civil == Timestamp.Civil(year: 2020, month: 1, day: 1, hour: 0, minute: 30))
    }

    @Test(
        "formats what it parses: RFC 5322 §3.3",
        arguments: [
            (0, 0, "Thu, 1 Jan 1970 00:00:00 +0000"), (1_795_307_700, 0, "Sun, 22 Nov 2026 00:35:00 +0000"),
            (1_795_307_700, -330, "Sat, 21 Nov 2026 19:05:00 -0530"), (-1, 90, "Thu, 1 Jan 1970 01:29:59 +0130"),
        ] as [(Int64, Int, String)])
    func formats(seconds: Int64, offset: Int, text: String) {
        #expect(MessageDate.format(Timestamp(rawValue: seconds), offset: offset) == text)
        #expect(MessageDate.parse(text) == MessageDate(timestamp: Timestamp(rawValue: seconds), offset: offset))
    }
}
