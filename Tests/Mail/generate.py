#!/usr/bin/env python3
"""Awkward but lawful messages, the same ones for the same seed.

    generate.py [--seed 1] [--count 200] [--small] DIR     writes 001-NAME.eml ... and index.json

Every message has CRLF line ends only, no NUL, and (but for the few without a header) a field `X-Awkward: SEED-NUMBER`.
`--small` leaves out what is larger than 1 MB. As a module: `messages(seed, count)` yields `Awkward` values.
"""
import argparse
import base64
import json
import os
import quopri
import random
from dataclasses import dataclass, field
from typing import Iterator

CRLF = b"\r\n"
WORDS = """abandon ability absence academy account achieve acquire address advance adverse afternoon against alcohol already
amazing ancient another anxiety apology applied arrange article attempt average balance barrier bedroom believe beneath bicycle
blanket boulder breathe brigade brother builder cabinet calcium caravan careful century chamber chapter charity chimney citizen
classic climate cluster coastal collect comfort command concern conduct content contest convert cottage council courage cricket
crystal curious current cushion customs daylight decades declare decline deliver density deposit despite diamond dignity discuss
disease dispute distant drought eastern economy edition elderly element embrace emperor engaged evening evident example exhibit
expense explore extreme factory failure fashion feather fiction finance fishing foreign forever formula fortune freedom gallery
garbage general genuine gesture grocery habitat halfway handful harvest heading healthy helpful herself highway history holiday
housing however hundred husband illegal illness imagine impress improve include inquiry insight install instead integer intense
invited journal journey justice kingdom kitchen lantern largely lasting leather lecture leisure liberty library limited machine
manager mansion married massive maximum meaning measure medical meeting mention message mineral miracle missing mixture monitor
morning mystery natural neither nervous network nothing nowhere nuclear obvious october offense opening operate opinion organic
outcome outdoor outside overall package painter partner passage passion patient pattern penalty pension percent perfect perhaps
physics picture pioneer plastic popular portion poverty precise prepare present prevent primary printer private problem proceed
produce product profile program project promise promote protect protein protest provide publish purpose quality quarter radical
railway readily reality realize receipt recover reflect regular related release remains removal replace request require reserve
resolve respect respond restore retired revenue reverse routine satisfy science section segment serious service session setting
several shelter silence similar society soldier somehow speaker special sponsor station storage strange student subject succeed
success suggest summary support suppose surface surgery survive suspect teacher theater therapy through tonight tourism towards
traffic trouble typical undergo uniform unknown unusual utility variety vehicle venture version veteran victory village violent
virtual visible visitor warning weather wedding weekend welcome welfare western whereas whisper without witness writing""".split()
UTF8 = ["Grüße aus Köln", "здравствуйте мир", "こんにちは世界", "مرحبا بالعالم", "שלום עולם", "naïve café", "😀🎉🐦", "ẞßŁø", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "e\u0301a\u0308"]


@dataclass
class Awkward:
    number: int
    name: str
    data: bytes
    sender: str = "sender@remote.example"
    needs: set = field(default_factory=set)  # of "8BITMIME", "SMTPUTF8"

    @property
    def ends_with_line(self) -> bool:
        """DATA can only carry such; BDAT and APPEND carry any."""
        return self.data == b"" or self.data.endswith(CRLF)

    @property
    def has_separator(self) -> bool:
        """Whether an empty line ends the header (mbsync refuses a message without)."""
        return self.data.startswith(CRLF) or CRLF + CRLF in self.data


def fold_base64(data: bytes, width: int = 76) -> bytes:
    text = base64.b64encode(data)
    return CRLF.join(text[i : i + width] for i in range(0, len(text), width)) + CRLF


def encoded_word(text: str, charset: str, how: str) -> bytes:
    raw = text.encode(charset, "replace")
    if how == "B":
        return b"=?%s?B?%s?=" % (charset.encode(), base64.b64encode(raw))
    q = b"".join(bytes([c]) if chr(c).isalnum() and c < 128 else b"=%02X" % c for c in raw)
    return b"=?%s?Q?%s?=" % (charset.encode(), q)


class Maker:
    """The kinds of message; each method `kind_NAME` makes one. Order and chance come from the seed alone."""

    def __init__(self, seed: int):
        self.seed = seed
        self.chance = random.Random(seed)
        self.number = 0
        self.needs: set = set()
        self.sender = "sender@remote.example"

    # -- pieces ---------------------------------------------------------------------------------------------------

    def sentence(self, words: int = 9) -> str:
        return " ".join(self.chance.choice(WORDS) for _ in range(words)).capitalize() + "."

    def text(self, lines: int) -> bytes:
        return b"".join(self.sentence(self.chance.randint(3, 11)).encode() + CRLF for _ in range(lines))

    def octets(self, count: int) -> bytes:
        return self.chance.randbytes(count)

    def head(self, *extra: bytes, subject: bytes = None, mime: bool = True) -> bytes:
        c = self.chance
        lines = [
            b"X-Awkward: %d-%d" % (self.seed, self.number),
            b"From: %s <%s>" % (c.choice(WORDS).capitalize().encode(), self.sender.encode()),
            b"To: alice@example.test",
            b"Subject: " + (self.sentence(4).encode() if subject is None else subject),
            b"Date: %s, %d %s %d %02d:%02d:%02d %+05d" % (
                c.choice(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]).encode(), c.randint(1, 28),
                c.choice(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]).encode(),
                c.randint(1985, 2030), c.randint(0, 23), c.randint(0, 59), c.randint(0, 60), c.choice([0, 100, -800, 530, 1345])),
            b"Message-ID: <%d.%d.%d@remote.example>" % (self.seed, self.number, c.getrandbits(48)),
        ]
        if mime:
            lines.append(b"MIME-Version: 1.0")
        return CRLF.join(lines + list(extra)) + CRLF

    def boundary(self) -> bytes:
        return b"=_%d_%x" % (self.number, self.chance.getrandbits(60))

    def multipart(self, kind: bytes, parts: list, preamble: bytes = b"", epilogue: bytes = b"", boundary: bytes = None):
        """Content-Type line and body; a part is header lines, an empty line and its body."""
        b = boundary or self.boundary()
        body = preamble + b"".join(b"--" + b + CRLF + p + CRLF for p in parts) + b"--" + b + b"--" + CRLF + epilogue
        return b'Content-Type: multipart/%s; boundary="%s"' % (kind, b), body

    def part(self, kind: bytes, body: bytes, *extra: bytes) -> bytes:
        return CRLF.join((b"Content-Type: " + kind,) + extra) + CRLF + CRLF + body

    def eightbit(self):
        self.needs.add("8BITMIME")

    # -- kinds ----------------------------------------------------------------------------------------------------

    def kind_plain(self):
        return self.head(b"Content-Type: text/plain; charset=us-ascii") + CRLF + self.text(self.chance.randint(1, 60))

    def kind_alternative(self):
        ct, body = self.multipart(b"alternative", [
            self.part(b"text/plain; charset=utf-8", self.text(4)),
            self.part(b"text/html; charset=utf-8", b"<p>" + self.text(3) + b"</p>")])
        return self.head(ct) + CRLF + body

    def kind_attachments(self):
        c = self.chance
        parts = [self.part(b"text/plain", self.text(3))]
        for i in range(c.randint(1, 6)):
            name = c.choice([b"report.pdf", b"../../etc/passwd", b"a;b=c.txt", b"na\\\"me.bin", b"con.txt", b".hidden"])
            parts.append(self.part(b'application/octet-stream; name="%s"' % name, fold_base64(self.octets(c.randint(0, 5000))),
                                   b"Content-Transfer-Encoding: base64", b'Content-Disposition: attachment; filename="%s"' % name))
        ct, body = self.multipart(b"mixed", parts)
        return self.head(ct) + CRLF + body

    def kind_deep_multipart(self):
        depth = self.chance.randint(20, 120)
        ct, body = self.multipart(b"mixed", [self.part(b"text/plain", self.text(1))])
        for i in range(depth):
            ct, body = self.multipart(b"mixed", [ct + CRLF + CRLF + body], boundary=b"d%d-%d" % (self.number, i))
        return self.head(ct) + CRLF + body

    def kind_nested_rfc822(self):
        inner = self.head(b"Content-Type: text/plain") + CRLF + self.text(2)
        for _ in range(self.chance.randint(1, 30)):
            inner = self.head(b"Content-Type: message/rfc822") + CRLF + inner
        return inner

    def kind_rfc822_with_multipart(self):
        ct, body = self.multipart(b"mixed", [self.part(b"text/plain", self.text(2)), self.part(b"text/html", self.text(2))])
        inner = self.head(ct) + CRLF + body
        ct, body = self.multipart(b"digest", [CRLF + inner, b"Content-Type: text/plain" + CRLF + CRLF + self.text(1)])
        return self.head(ct) + CRLF + body

    def kind_charsets(self):
        c = self.chance
        charset, text = c.choice([
            ("iso-8859-1", "äöü ß façade"), ("iso-8859-15", "100 € Œuvre"), ("windows-1252", "“quotes” – dash"),
            ("koi8-r", "привет мир"), ("windows-1251", "сообщение"), ("iso-2022-jp", "こんにちは"), ("shift_jis", "日本語"),
            ("euc-kr", "안녕하세요"), ("gb18030", "你好世界"), ("big5", "中文"), ("utf-16", "wide"), ("utf-7", "höh"), ("iso-8859-8", "שלום")])
        raw = (text + "\r\n").encode(charset, "replace") * c.randint(1, 20)
        return self.head(b"Content-Type: text/plain; charset=" + charset.encode(), b"Content-Transfer-Encoding: base64",
                         subject=encoded_word(text, charset, c.choice("BQ"))) + CRLF + fold_base64(raw)

    def kind_unknown_charset(self):
        return self.head(b"Content-Type: text/plain; charset=x-klingon", subject=b"=?x-klingon?Q?=41=42?=") + CRLF + self.text(3)

    def kind_quoted_printable(self):
        text = ("\n".join(self.chance.choice(UTF8) + " " + self.sentence() for _ in range(8)) + "\n").encode()
        body = quopri.encodestring(text).replace(b"\n", CRLF)
        return self.head(b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: quoted-printable") + CRLF + body

    def kind_broken_quoted_printable(self):
        return self.head(b"Content-Transfer-Encoding: quoted-printable") + CRLF + b"=ZZ = =\r\n=3\r\nsoft=\r\n=\r\n==41\r\n"

    def kind_broken_base64(self):
        return self.head(b"Content-Transfer-Encoding: base64") + CRLF + b"QUJD*REVG\r\n====\r\nQUI=QUI=\r\nA\r\n"

    def kind_8bit_body(self):
        self.eightbit()
        return self.head(b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: 8bit") + CRLF + (
            "\r\n".join(self.chance.choice(UTF8) for _ in range(10)) + "\r\n").encode()

    def kind_8bit_latin1_body(self):
        self.eightbit()
        return self.head(b"Content-Type: text/plain; charset=iso-8859-1", b"Content-Transfer-Encoding: 8bit") + CRLF + \
            bytes(c for c in range(1, 256) if c not in (10, 13)) + CRLF

    def kind_8bit_headers(self):
        self.eightbit()
        return self.head(b"X-Raw: \xe4\xf6\xfc \xff\xfe", b"X-Utf8: " + UTF8[0].encode(), subject="Überraschung".encode("latin-1")) + CRLF + self.text(2)

    def kind_utf8_headers(self):
        self.needs |= {"8BITMIME", "SMTPUTF8"}
        return self.head(b"X-Greeting: " + self.chance.choice(UTF8).encode(), "Cc: Jürgen <jürgen@bücher.example>".encode(),
                         subject=self.chance.choice(UTF8).encode()) + CRLF + self.text(2)

    def kind_utf8_sender(self):
        self.needs |= {"8BITMIME", "SMTPUTF8"}
        self.sender = self.chance.choice(["jürgen@bücher.example", "пётр@почта.example", "用户@例子.example"])
        return self.head() + CRLF + self.text(2)

    def kind_encoded_words(self):
        subject = b" ".join(encoded_word(self.chance.choice(UTF8), "utf-8", self.chance.choice("BQ")) for _ in range(4))
        return self.head(b"X-Odd: =?utf-8?B?4pyT?= =?utf-8?X?bad?= =?utf-8?Q?=?= =?utf-8*en?Q?lang=20tag?=", subject=subject) + CRLF + self.text(2)

    def kind_long_line(self):
        return self.head() + CRLF + self.sentence().encode() + b" " + b"x" * self.chance.choice([998, 999, 1000, 4096, 8190, 65536, 300000]) + CRLF + self.text(1)

    def kind_long_8bit_line(self):
        self.eightbit()
        return self.head() + CRLF + "ß€😀".encode() * self.chance.randint(400, 4000) + CRLF

    def kind_empty_body(self):
        return self.head() + CRLF

    def kind_only_header(self):
        return self.head()

    def kind_no_header(self):
        return CRLF + b"%d-%d has no header at all." % (self.seed, self.number) + CRLF + self.text(3)

    def kind_not_a_header(self):
        return b"%d-%d begins with a line that is no field" % (self.seed, self.number) + CRLF + self.head() + CRLF + self.text(2)

    def kind_one_empty_line(self):
        return CRLF

    def kind_zero_octets(self):
        return b""

    def kind_blank_lines(self):
        return self.head() + CRLF * self.chance.randint(2, 400)

    def kind_leading_dots(self):
        return self.head() + CRLF + b"".join(b"." * i + self.sentence(2).encode() + CRLF for i in range(1, 30))

    def kind_dot_lines(self):
        return self.head() + CRLF + b".\r\n..\r\n...\r\n.\r\n" + self.text(1) + b".\r\n" * self.chance.randint(1, 300)

    def kind_dot_header(self):
        return b".X-Dot: yes" + CRLF + self.head() + CRLF + b"." + CRLF

    def kind_many_headers(self):
        return self.head(*[b"X-Many-%d: %s" % (i, self.sentence(3).encode()) for i in range(self.chance.randint(500, 3000))]) + CRLF + self.text(1)

    def kind_same_header(self):
        return self.head(*[b"X-Same: %d" % i for i in range(200)], b"Subject: a second one", b"From: another@remote.example") + CRLF + self.text(1)

    def kind_huge_header(self):
        lines = CRLF.join(b" " + self.sentence(9).encode() for _ in range(self.chance.randint(1000, 6000)))
        return self.head(b"X-Huge:" + CRLF + lines) + CRLF + self.text(1)

    def kind_long_header_line(self):
        return self.head(b"X-Long: " + b"y" * self.chance.choice([998, 2000, 20000, 100000])) + CRLF + self.text(1)

    def kind_folding(self):
        return self.head(b"X-Fold: one\r\n two\r\n\tthree\r\n   \r\n four", b"X-Empty:", b"X-Space:   ", b"X-Tab:\tvalue\t",
                         b"X-No-Space:value", b"X-Colon::", b"Bad Name: x", b"X-Trailing-Space : y") + CRLF + self.text(1)

    def kind_addresses(self):
        return self.head(
            b'Cc: "Quoted, \\"Name\\"" <q@remote.example>, group: a@b.example, (comment (nested)) c@d.example;, undisclosed:;',
            b"Bcc: \"odd @ local\"@remote.example, <@route.example,@r2.example:x@y.example>, a@[192.0.2.1], b@[IPv6:2001:db8::1]",
            b"Reply-To: ,,, <broken, @, user@, \"unclosed", b"Sender: =?utf-8?Q?J=C3=BCrgen?= <j@remote.example>",
            b"In-Reply-To: <a@b> (comment) <c@d>", b"References: " + b" ".join(b"<%d@ref.example>" % i for i in range(150))) + CRLF + self.text(1)

    def kind_many_recipients(self):
        return self.head(b"Cc: " + b",\r\n ".join(b"%s %d <u%d@remote.example>" % (b"Name", i, i) for i in range(800))) + CRLF + self.text(1)

    def kind_nested_comments(self):
        return self.head(b"X-Comment: " + b"(" * 400 + b"deep" + b")" * 400, b"Keywords: " + b"(" * 2000) + CRLF + self.text(1)

    def kind_parameters(self):
        return self.head(
            b"Content-Type: application/x-stuff;\r\n title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n"
            b" title*2=\"isn't it!\"; name*=utf-8''%e2%82%ac%20rates; charset=\"odd\"; =noname; empty=; x=\"unclosed",
            b"Content-Disposition: attachment; filename=plain.txt; filename*=UTF-8''na%C3%AFve%20file.txt; size=12; creation-date=\"Wed, 12 Feb 1997 16:29:51 -0500\"",
            b"Content-Language: de, en;q=0.3", b"Content-Location: http://remote.example/x y", b"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==",
            b"Content-ID: <part@remote.example>", b"Content-Description: =?utf-8?B?4pyT?=") + CRLF + self.text(1)

    def kind_many_parameters(self):
        return self.head(b"Content-Type: text/plain; " + b";\r\n ".join(b"p%d*%d=v" % (i % 7, i) for i in range(1500))) + CRLF + self.text(1)

    def kind_many_parts(self):
        ct, body = self.multipart(b"mixed", [self.part(b"text/plain", b"%d" % i) for i in range(self.chance.randint(200, 1500))])
        return self.head(ct) + CRLF + body

    def kind_no_closing_boundary(self):
        ct, body = self.multipart(b"mixed", [self.part(b"text/plain", self.text(2)), self.part(b"text/plain", self.text(2))])
        return self.head(ct) + CRLF + body[: body.rindex(b"--", 0, len(body) - 4)]

    def kind_boundary_tricks(self):
        ct, body = self.multipart(
            b"mixed", [self.part(b"text/plain", b"--B" + b"C\r\n--BCD\r\n-- BCDE\r\n--BCDEF extra\r\n"), CRLF + b"no header", b""],
            preamble=b"preamble\r\n--BCDEX\r\n", epilogue=b"epilogue\r\n--BCDE\r\n", boundary=b"BCDE")
        return self.head(ct) + CRLF + body

    def kind_nested_same_boundary(self):
        ct, body = self.multipart(b"mixed", [self.part(b"text/plain", self.text(1))], boundary=b"same")
        ct, body = self.multipart(b"mixed", [ct + CRLF + CRLF + body, self.part(b"text/plain", self.text(1))], boundary=b"same")
        return self.head(ct) + CRLF + body

    def kind_boundary_prefix(self):
        ct, body = self.multipart(b"mixed", [self.part(b"text/plain", self.text(1))], boundary=b"edge-inner")
        ct, body = self.multipart(b"mixed", [ct + CRLF + CRLF + body], boundary=b"edge")
        return self.head(ct) + CRLF + body

    def kind_multipart_without_boundary(self):
        return self.head(b"Content-Type: multipart/mixed") + CRLF + b"--x\r\n\r\ntext\r\n--x--\r\n"

    def kind_empty_multipart(self):
        return self.head(b"Content-Type: multipart/mixed; boundary=none") + CRLF + b"--none--" + CRLF

    def kind_odd_types(self):
        return self.head(b"Content-Type: " + self.chance.choice(
            [b"text", b"/plain", b"TEXT/PLAIN", b"a/b/c", b"", b"text/plain charset=utf-8", b"text/ plain ; charset = utf-8 ", b"*/*"]),
            b"Content-Transfer-Encoding: " + self.chance.choice([b"x-uuencode", b"BINARY", b"8Bit", b"", b"7bit; really"])) + CRLF + self.text(2)

    def kind_report(self):
        ct, body = self.multipart(b"report; report-type=delivery-status", [
            self.part(b"text/plain", self.text(2)),
            self.part(b"message/delivery-status", b"Reporting-MTA: dns; mx.remote.example\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"),
            self.part(b"text/rfc822-headers", self.head())])
        return self.head(ct) + CRLF + body

    def kind_partial_and_external(self):
        ct, body = self.multipart(b"parallel", [
            self.part(b"message/partial; id=\"x@y\"; number=2; total=3", self.text(1)),
            self.part(b"message/external-body; access-type=URL; URL=\"http://remote.example/\"", b"Content-Type: image/gif\r\n\r\n"),
            self.part(b"message/global; charset=utf-8", self.head() + CRLF + self.text(1))])
        return self.head(ct) + CRLF + body

    def kind_signed(self):
        inner = self.part(b"text/plain", self.text(2))
        ct, body = self.multipart(b'signed; micalg=pgp-sha256; protocol="application/pgp-signature"', [
            inner, self.part(b"application/pgp-signature", b"-----BEGIN PGP SIGNATURE-----\r\n\r\nabc=\r\n-----END PGP SIGNATURE-----\r\n")])
        return self.head(ct) + CRLF + body

    def kind_control_characters(self):
        return self.head(b"X-Control: \x01\x07\x1b[31m\x7f") + CRLF + bytes(c for c in range(1, 32) if c not in (10, 13)) + CRLF

    def kind_protocol_lookalikes(self):
        return self.head(b"X-Imap: * OK [ALERT] {5}", b"X-Smtp: 250 ok") + CRLF + \
            b"QUIT\r\nDATA\r\n354 go\r\nMAIL FROM:<x@y>\r\na1 LOGOUT\r\n)\r\n{3+}\r\nabc\r\n+ idling\r\nFrom somebody Mon Jan 1\r\n>From\r\n"

    def kind_trace_lookalikes(self):
        fields = b"Return-Path: <other@remote.example>\r\nReceived: from x by y; Mon, 1 Jan 2024 00:00:00 +0000\r\nDelivered-To: bob@example.test\r\n"
        return fields + self.head(b"X-TUID-Like: ABCDEFGHIJKL") + CRLF + self.text(1)

    def kind_no_final_line_end(self):
        return self.head() + CRLF + self.text(2) + b"no line end here"

    def kind_no_final_line_end_in_header(self):
        return self.head() + b"X-Cut: off"

    def kind_space_lines(self):
        return self.head() + CRLF + b" \r\n\t\r\n  \r\n" + b"trailing   \r\n" * 3

    def kind_bad_dates(self):
        return b"X-Awkward: %d-%d\r\nDate: %s\r\nFrom: x@remote.example\r\n" % (self.seed, self.number, self.chance.choice(
            [b"yesterday", b"Thu, 32 Foo 99999 25:61:61 +9999", b"1 Jan 70 00:00 GMT", b"Fri, 21 Nov 97 09:55:06 -0600", b"(c) 1 (c) Jan (c) 2020 (c) 1:2:3 Z", b""])) + CRLF + self.text(1)

    def kind_binary_as_text(self):
        self.eightbit()
        raw = bytes(c for c in self.octets(3000) if c not in (0, 10, 13))
        return self.head(b"Content-Type: application/octet-stream", b"Content-Transfer-Encoding: 8bit") + CRLF + raw + CRLF

    def kind_medium(self):
        size = self.chance.choice([100_000, 262_143, 262_144, 262_145, 300_000, 600_000])
        head = self.head(b"Content-Type: application/octet-stream", b"Content-Transfer-Encoding: base64") + CRLF
        body = fold_base64(self.octets(size * 3 // 4))[: size - len(head) - 2]
        return head + (body[:-1] + b"A" if body.endswith(b"\r") else body) + CRLF

    def kind_exact_chunk(self):
        size = 65536 * self.chance.randint(1, 3) + self.chance.choice([-1, 0, 1])
        head = self.head() + CRLF
        return head + b"z" * (size - len(head) - 2) + CRLF

    def large(self, size: int) -> bytes:
        head = self.head(b"Content-Type: application/zip", b"Content-Transfer-Encoding: base64") + CRLF
        return head + fold_base64(self.octets(size * 3 // 4))


LARGE = 20_000_000
KINDS = sorted(n[5:] for n in dir(Maker) if n.startswith("kind_"))


def messages(seed: int = 1, count: int = 200, small: bool = False) -> Iterator[Awkward]:
    """Each kind comes once before any comes again; the last message is the one of 20 MB, unless `small`."""
    maker = Maker(seed)
    once = {"zero_octets", "one_empty_line"}
    for number in range(1, count + 1):
        maker.number, maker.needs, maker.sender = number, set(), "sender@remote.example"
        if number == count and not small:
            name, data = "twenty_megabytes", maker.large(LARGE)
        else:
            name = KINDS[(number - 1) % len(KINDS)]
            if name in once and number > len(KINDS):
                name = "plain"
            data = getattr(maker, "kind_" + name)()
        assert b"\0" not in data, name
        assert b"\r" not in data.replace(CRLF, b"") and b"\n" not in data.replace(CRLF, b""), name
        if any(c > 127 for c in data[:200000]):
            maker.needs.add("8BITMIME")
        yield Awkward(number, name, data, maker.sender, set(maker.needs))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=200)
    p.add_argument("--small", action="store_true")
    p.add_argument("dir")
    o = p.parse_args()
    os.makedirs(o.dir, exist_ok=True)
    index = []
    for m in messages(o.seed, o.count, o.small):
        file = "%03d-%s.eml" % (m.number, m.name)
        with open(os.path.join(o.dir, file), "wb") as f:
            f.write(m.data)
        index.append({"file": file, "sender": m.sender, "needs": sorted(m.needs), "octets": len(m.data)})
    with open(os.path.join(o.dir, "index.json"), "w") as f:
        json.dump(index, f, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
