import Conversation
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import SenderTrust

@Suite struct SignatureExampleTests {
    private static func crlf(_ text: String) -> String { text.replacing("\n", with: "\r\n") }

    /// RFC 6376 A.2, with its errata: its lines have six blanks, and one blank between the sentences.
    static let rfc6376 = crlf(
        """
        DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
              c=simple/simple; q=dns/txt; i=joe@football.example.com;
              h=Received : From : To : Subject : Date : Message-ID;
              bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
              b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
              4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
              KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
              4bmp/YzhwvcubU4=;
        Received: from client1.football.example.com  [192.0.2.1]
              by submitserver.example.com with SUBMISSION;
              Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
        From: Joe SixPack <joe@football.example.com>
        To: Suzie Q <suzie@shopping.example.net>
        Subject: Is dinner ready?
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
        Message-ID: <20030712040037.46341.5F8J@football.example.com>

        Hi.

        We lost the game. Are you hungry yet?

        Joe.

        """)

    /// RFC 8463 A.3.
    static let rfc8463 = crlf(
        """
        DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
         d=football.example.com; i=@football.example.com;
         q=dns/txt; s=brisbane; t=1528637909; h=from : to :
         subject : date : message-id : from : subject : date;
         bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
         b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
         Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
        DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
         d=football.example.com; i=@football.example.com;
         q=dns/txt; s=test; t=1528637909; h=from : to : subject :
         date : message-id : from : subject : date;
         bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
         b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
         DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
         dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
        From: Joe SixPack <joe@football.example.com>
        To: Suzie Q <suzie@shopping.example.net>
        Subject: Is dinner ready?
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
        Message-ID: <20030712040037.46341.5F8J@football.example.com>

        Hi.

        We lost the game.  Are you hungry yet?

        Joe.


        """)

    private let now = Timestamp(rawValue: 1_700_000_000)
    private let names = NameTable()

    init() throws {
        try names.setTexts(
            "brisbane._domainkey.example.com",
            [
                "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v"
                    + "/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
            ])
        try names.setTexts("brisbane._domainkey.football.example.com", ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="])
        try names.setTexts(
            "test._domainkey.football.example.com",
            [
                "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
                    + "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
            ])
    }

    @Test("the example of RFC 6376 A.2 passes: simple/simple, RSA of 1024 bits, an identity below d=")
    func simple() async throws {
        let verdicts = await SignatureObserver.over(SignatureExampleTests.rfc6376).dkim(resolver: names, now: now)
        #expect(
            verdicts == [
                DKIMVerdict(
                    .pass, domain: Domain("example.com"), selector: "brisbane", identity: "joe@football.example.com", algorithm: "rsa-sha256", keyBits: 1024,
                    signature: "AuUoFEfD")
            ])
    }

    @Test("both signatures of the example of RFC 8463 A.3 pass")
    func both() async throws {
        let verdicts = await SignatureObserver.over(SignatureExampleTests.rfc8463).dkim(resolver: names, now: now)
        #expect(verdicts.map(\.result) == [.pass, .pass])
        #expect(verdicts.map(\.algorithm) == ["ed25519-sha256", "rsa-sha256"] && verdicts.map(\.keyBits) == [nil, 1024])
        #expect(verdicts.map(\.selector) == ["brisbane", "test"] && verdicts.map(\.signature) == ["/gCrinpc", "F45dVWDf"])
        #expect(Set(names.asked.map(\.name.value)) == ["brisbane._domainkey.football.example.com", "test._domainkey.football.example.com"])
    }

    @Test("the verdict is the same wherever the text is cut: RFC 6376 §3.4", arguments: [rfc6376, rfc8463])
    func splits(_ message: String) async {
        let octets = Array(message.utf8)
        SignatureObserver.expectSame(octets, cuts: 0...octets.count)
        let verdicts = await SignatureObserver.over(octets.map { [$0] }).dkim(resolver: names, now: now)
        #expect(!verdicts.isEmpty && verdicts.allSatisfy { $0.result == .pass })
    }

    @Test("what is changed fails, and says what", arguments: [rfc6376, rfc8463])
    func tampered(_ message: String) async {
        for (old, new, reason) in [
            ("hungry", "angry", "the body's hash differs"), ("Suzie Q", "Suzie P", "the signature does not verify"),
            ("\r\nSubject: Is", "\r\nSubject: Was", "the signature does not verify"), ("Joe.\r\n", "Joe.\r\nBuy!\r\n", "the body's hash differs"),
        ] {
            let verdicts = await SignatureObserver.over(message.replacing(old, with: new)).dkim(resolver: names, now: now)
            #expect(!verdicts.isEmpty && verdicts.allSatisfy { $0.result == .fail && $0.reason == reason }, "\(old)")
        }
    }
}
