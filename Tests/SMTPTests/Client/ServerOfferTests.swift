import SMTP
import Testing

@Suite struct ServerOfferTests {
    static func offer(_ lines: String...) -> ServerOffer { ServerOffer(ServerReply(code: 250, lines: ["mx.remote.example at your service"] + lines)) }

    @Test("what a server offers, in any case; what is not known is passed over: RFC 5321 §4.1.1.1")
    func keywords() {
        let offer = Self.offer(
            "PIPELINING", "size 35882577", "STARTTLS", "8bitmime", "Chunking", "BINARYMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "REQUIRETLS",
            "DELIVERBY 3600", "MT-PRIORITY MIXER", "XCLIENT NAME ADDR", "", " ", "VRFY", "AUTH plain LOGIN xoauth2",
            "LIMITS MAILMAX=20 RCPTMAX=50 rcptdomainmax=1 X=1")
        #expect(offer.pipelining && offer.size && offer.startTLS && offer.eightBitMIME && offer.chunking && offer.binaryMIME && offer.smtpUTF8 && offer.dsn)
        #expect(offer.enhancedStatusCodes && offer.requireTLS && offer.deliverBy && offer.priority)
        #expect(offer.sizeLimit == 35_882_577 && offer.mechanisms == ["PLAIN", "LOGIN", "XOAUTH2"])
        #expect(offer.messageLimit == 20 && offer.recipientLimit == 50 && offer.domainLimit == 1)
    }

    @Test("the greeting line is no offer")
    func greeting() { #expect(ServerOffer(ServerReply(code: 250, lines: ["STARTTLS PIPELINING"])) == ServerOffer()) }

    @Test(
        "SIZE: RFC 1870 §3, with numbers that are none, or too large",
        arguments: [("SIZE", nil), ("SIZE 0", nil), ("SIZE -5", nil), ("SIZE 1e9", nil), ("SIZE 99999999999999999999", nil), ("SIZE 10", 10), ("SIZE  7 8", 7)])
    func size(line: String, limit: Int?) {
        #expect(Self.offer(line).size)
        #expect(Self.offer(line).sizeLimit == limit)
    }

    @Test(
        "limits that are none: RFC 9422 §3",
        arguments: ["LIMITS", "LIMITS RCPTMAX", "LIMITS RCPTMAX=", "LIMITS RCPTMAX=0", "LIMITS RCPTMAX=1234567", "LIMITS RCPTMAX=x", "LIMITS =5"])
    func limits(line: String) { #expect(Self.offer(line).recipientLimit == nil) }

    @Test("AUTH as servers wrote it before RFC 2554")
    func oldAuth() { #expect(Self.offer("AUTH=LOGIN PLAIN").mechanisms == ["LOGIN", "PLAIN"]) }
}
