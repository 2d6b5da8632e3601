"""Mail through the servers that the world runs: out to a Postfix, by it to a second server of ours and back, and into a Dovecot by LMTP."""
import email
import email.policy
import json
import re

import mailset
import pytest
import server as serving
from nameserver import NameServer
from peers import Dovecot, Postfix, needs
from sink import Sink
from wire import IMAP, SMTP

pytestmark = [pytest.mark.own, needs("postfix", "dovecot")]

FAR, FILES, UMLAUT, SINK = "far.example", "files.example", "fär.example", "sink.example"
#: Who there is at the other server. Mail that goes another way is for `bea+WAY`.
USERS = ["bea@" + FAR, "cat@" + FAR, "dan@" + FAR, "eve@" + FAR, "dot@" + UMLAUT]
PASSWORD = "correct horse far 42"
#: Postfix's ports. `old` speaks a TLS that nobody speaks any more, `nokey` offers TLS and has no key, `plain` offers little.
SERVICES = {
    "mx": {}, "old": {"smtpd_tls_protocols": "=TLSv1"}, "nokey": {"smtpd_tls_cert_file": "/nonexistent", "smtpd_tls_key_file": "/nonexistent"},
    "plain": {"smtpd_discard_ehlo_keywords": "8bitmime, smtputf8, chunking, dsn, starttls", "smtpd_tls_security_level": "none"},
}


class World:
    """A server whose users write (`here`), a Postfix, which is all that it knows, a server behind that (`far`), which answers by way of it; and a
    Dovecot, which has mailboxes and the Postfix's logins."""

    def __init__(self):
        self.names = NameServer({("relay.far.example", "A"): ["127.0.0.1"]})
        self.names.__enter__()
        self.here, self.far = serving.Server(), serving.Server()
        self.sink = Sink()
        self.dovecot = Dovecot({"ada@" + FILES: None, "ben@" + FILES: None, "full@" + FILES: 2000, "smarthost@relay.example": None})
        login = {"smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "dovecot", "smtpd_sasl_path": self.dovecot.logins,
                 "smtpd_relay_restrictions": "permit_sasl_authenticated, reject"}
        far = self.far.port("smtp")
        self.postfix = Postfix(
            {**SERVICES, "login": login, "loginonly": {**login, "smtpd_sasl_mechanism_filter": "login"}},
            {FAR: far, UMLAUT.encode("idna").decode(): far, serving.DOMAIN: self.here.port("smtp"), SINK: self.sink.port},
            # bea+WAY is bea.
            {"recipient_delimiter": "+", "propagate_unmatched_extensions": "", "virtual_alias_maps": "inline:{ { bea@%s = bea@%s } }" % (FAR, FAR)})
        for name, password in [("password", Dovecot.password), ("wrong", "sesame")]:
            with open(self.here.top + "/" + name, "w") as f:
                f.write(password + "\n")
        port = self.postfix.ports
        login = "user=smarthost@relay.example password-file=%s/%%s tls=never private" % self.here.top
        common = {**self.names.settings, "outbound.enabled": True, "outbound.retry-first": 1, "outbound.retry-longest": 1}
        self.configure(self.here, common, {
            "postfix 127.0.0.1:%d private" % port["mx"]: "*",
            "old 127.0.0.1:%d private" % port["old"]: "bea+old@" + FAR,
            "nokey 127.0.0.1:%d private" % port["nokey"]: "bea+nokey@" + FAR,
            "plain 127.0.0.1:%d private" % port["plain"]: "bea+plain@" + FAR + " " + UMLAUT,
            "named relay.far.example:%d private" % port["mx"]: "bea+named@" + FAR,
            "login 127.0.0.1:%d %s" % (port["login"], login % "password"): "bea+login@" + FAR,
            "loginonly 127.0.0.1:%d %s" % (port["loginonly"], login % "password"): "bea+loginonly@" + FAR,
            "stranger 127.0.0.1:%d %s" % (port["login"], login % "wrong"): "bea+stranger@" + FAR,
            "required 127.0.0.1:%d tls=required private" % port["mx"]: "bea+required@" + FAR,
            "unsafe 127.0.0.1:%d tls=required private" % port["plain"]: "bea+unsafe@" + FAR,
            "dovecot 127.0.0.1:%d lmtp private" % self.dovecot.port: FILES,
        }, {"relay.domains": [FAR]})
        self.configure(self.far, common, {"back 127.0.0.1:%d private" % port["mx"]: "*"}, {})

    @staticmethod
    def configure(server, common, ways, more):
        server.settings = {**common, "outbound.routes": ['"%s"' % way for way in ways],
                           "outbound.destinations": ['"%s %s"' % (way.split()[0], whom) for way, whom in ways.items()], **more}
        server.write_configuration()

    def start(self):
        # Not on others than those that Postfix was told.
        self.here.make("postmaster", "alice").start_once(60)
        # Not for it: our domain is another's.
        self.far.cli("init")
        for domain in (FAR, UMLAUT):
            self.far.cli("domain", "add", domain)
        for user in USERS:
            self.far.cli("account", "add", user, "--password-stdin", stdin=PASSWORD + "\n")
        self.far.start_once(60)
        self.dovecot.start()
        self.postfix.start()
        return self

    def remove(self):
        for part in (self.here, self.far, self.postfix, self.dovecot):
            part.remove()
        self.sink.close()
        self.names.__exit__(None, None, None)

    def submit(self, text, *recipients, mail=""):
        """As alice; a recipient may have parameters behind a blank."""
        sender = self.here.address("alice")
        with SMTP(self.here.host, self.here.port("submissions"), tls=True) as smtp:
            assert smtp.auth_plain(sender, self.here.passwords["alice"])[0] == 235
            for line in ["MAIL FROM:<%s>%s" % (sender, mail)] + [("RCPT TO:<%s> %s" % r.partition(" ")[::2]).rstrip() for r in recipients]:
                code, said = smtp.command(line)
                assert code == 250, (line, said)
            assert smtp.command("DATA")[0] == 354
            smtp.send(smtp.stuffed(text))
            code, said = smtp.reply()
            assert code == 250, said

    def there(self, who, what=b"", count=1):
        """The messages for somebody at the other server that have this in them, each parted, once there are so many: there are never more."""
        return [parted(text, 3) for text in inbox(self.far, who + "@" + FAR if "@" not in who else who, PASSWORD, what, count)]

    def reports(self, what, count=1):
        """Those for alice that return a message with this in its header."""
        return [email.message_from_bytes(text) for text in inbox(self.here, self.here.address("alice"), self.here.passwords["alice"], what, count)]

    def queue(self, *filters):
        return json.loads(self.here.cli("queue", "list", "--json", *filters).stdout)

    def is_idle(self):
        """Nobody has anything under way any more."""
        return not self.queue() and not self.postfix.queued()


def inbox(server, user, password, what, count):
    """The messages that have this in them, once there are so many."""
    def found():
        with IMAP(server.host, server.port("imaps"), tls=True) as imap:
            imap.login(user, password)
            if not imap.select("INBOX").get("EXISTS"):
                return None
            texts = [m["BODY[]"] for _, m in sorted(imap.fetch("1:*", "(UID BODY.PEEK[])").items())]
        texts = [t for t in texts if what in t]
        return texts if len(texts) >= count else None
    texts = serving.until(found, 120) or []
    assert len(texts) == count
    return texts


RECEIVED = re.compile(rb"Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")


def parted(text, hops):
    """The Received fields of so many servers, the last first, and the message without them and Return-Path."""
    text = text[text.index(b"\r\n") + 2:] if text.startswith(b"Return-Path:") else text
    fields = []
    for _ in range(hops):
        match = RECEIVED.match(text)
        assert match, text[:300]
        fields.append(match[0].decode())
        text = text[match.end():]
    return fields, text


def begun():
    """Another program may have taken a port since it was free, and all of them are told to the others: then all are others."""
    for tries in range(5):
        made = World()
        try:
            return made.start()
        except (AssertionError, serving.StartFailed) as e:
            made.remove()
            if tries == 4 or not re.search("Address already in use|set another MARTLET_PORT_OFFSET", str(e)):
                raise
        except BaseException:
            made.remove()
            raise


@pytest.fixture(scope="module")
def world():
    made = begun()
    try:
        yield made
        assert made.here.alive() and made.far.alive()
    finally:
        made.remove()


LETTER = ("From: Alice <alice@example.test>\r\nTo: Bea <bea@far.example>\r\nSubject: =?utf-8?q?V=C3=B6gel?=\r\n"
          "Date: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{}@example.test>\r\nX-Folded: a\r\n\tb\r\n  c\r\n"
          "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
          "Ein Zaunkönig \u00a0und eine Möwe.  \r\n.\r\n..\r\n.point\r\nFrom here on\r\n\t \r\n" + "ö" * 490 + "\r\n\r\n\r\n")


def letter(name):
    return LETTER.format(name).encode()


def mark(name):
    return b"<%s@example.test>" % name.encode()


def test_forty_messages_pass_unchanged_through_relay_and_postfix(world):
    """Whoever signed them (DKIM) finds them as they were."""
    def is_plain(m):
        """What Postfix would change is left out: long lines, long headers, a CR or NUL that stands alone."""
        lines = m.data.split(b"\r\n")
        return (m.has_separator and m.ends_with_line and b"\0" not in m.data and all(len(l) < 990 and b"\r" not in l for l in lines)
                and len(m.data.split(b"\r\n\r\n")[0]) < 50000)
    messages = [m for m in mailset.generated(200, small=True, seed=7) if is_plain(m)][:40]
    assert len(messages) == 40
    with SMTP(world.here.host, world.here.port("smtp")) as smtp:
        for m in messages:
            options = " ".join("BODY=8BITMIME" if need == "8BITMIME" else need for need in sorted(m.needs))
            code, said = smtp.deliver(m.sender, ["dan@" + FAR, "eve@" + FAR], m.data, options)
            assert code == 250, (m.name, said)
    expected = sorted(mailset.as_taken(m.data) for m in messages)
    for name in ("dan", "eve"):
        fields, texts = zip(*world.there(name, count=40))
        for text, sent in zip(sorted(texts), expected):
            assert text == sent, mailset.difference(text, sent)
        # Over TLS from us to Postfix, and from Postfix to us.
        assert all("by relay.example (Postfix)" in f[1] and "SMTPS" in f[1] and "SMTPS" in f[0] for f in fields), fields[0]
    assert serving.until(world.is_idle, 120)


def test_reports_come_from_whoever_knows(world):
    """DSN goes on to where a message is delivered; who is unknown there is told of by Postfix; what Postfix does not take, by us."""
    world.submit(letter("reports"), "bea@far.example NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bea@far.example", "cat@far.example NOTIFY=NEVER",
                 "nobody@far.example NOTIFY=FAILURE", "x@nowhere.example", mail=" RET=HDRS ENVID=peer+2B1")
    for name in ("bea", "cat"):
        assert world.there(name, mark("reports"))[0][1] == letter("reports")
    facts = {}
    for report in world.reports(mark("reports"), 3):
        assert report["Return-Path"] == "<>" and report.get_content_type() == "multipart/report"
        message, *recipients = report.get_payload(1).get_payload()
        assert message["Original-Envelope-Id"] == "peer+1"
        for r in recipients:
            who, original = (r[field] and r[field].split(";")[1].strip() for field in ("Final-Recipient", "Original-Recipient"))
            facts[who] = (r["Action"], r["Status"], original, "relay.example" in message["Reporting-MTA"])
    assert facts == {"bea@" + FAR: ("delivered", "2.1.5", "b+ea@" + FAR, False), "nobody@" + FAR: ("failed", "5.1.1", "nobody@" + FAR, True),
                     "x@nowhere.example": ("failed", "5.1.2", None, False)}
    assert serving.until(world.is_idle, 120)


def test_addresses_and_domains_of_all_letters(world):
    """SMTPUTF8 to who takes it; a domain as A-labels to who does not."""
    text = ("From: Alice <alice@example.test>\r\nTo: Bjørn <bjørn@sink.example>\r\nSubject: Blåbær\r\nDate: Sun, 29 Nov 2026 12:00:00 +0000\r\n"
            "Message-ID: <letters@example.test>\r\n\r\nØl\r\n").encode()
    world.submit(text, "bjørn@" + SINK, mail=" BODY=8BITMIME SMTPUTF8")
    assert serving.until(lambda: world.sink.texts, 60)
    assert world.sink.texts[0].recipients == ["bjørn@" + SINK] and parted(world.sink.texts[0].data, 2)[1] == text
    # Who is not known is told of in all letters, too (RFC 6533).
    world.submit(text.replace(b"<letters", b"<unknown"), "bjørn@" + FAR, mail=" BODY=8BITMIME SMTPUTF8")
    status = world.reports(mark("unknown"))[0].get_payload(1)
    assert status.get_content_type() == "message/global-delivery-status"
    assert "Final-Recipient: utf-8; bj" in status.as_string() and "Status: 5.1.1" in status.as_string()
    text = b"Date: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <label@example.test>\r\nFrom: alice@example.test\r\n\r\nd\r\n"
    world.submit(text, "dot@" + UMLAUT, mail=" SMTPUTF8")
    assert world.there("dot@" + UMLAUT)[0][1] == text


def test_tls_that_is_broken_costs_no_mail(world):
    for name in ("old", "nokey", "named"):
        world.submit(letter(name), "bea+%s@%s" % (name, FAR))
    for name in ("old", "nokey", "named"):
        (fields, text), = world.there("bea", mark(name))
        assert text == letter(name)
        assert ("with ESMTPS" in fields[1]) == (name == "named"), fields[1]
    assert ("relay.far.example", 1) in world.names.asked


def test_eight_bits_are_converted_for_who_takes_seven(world):
    world.submit(letter("seven"), "bea+plain@" + FAR, mail=" BODY=8BITMIME")
    (fields, text), = world.there("bea", mark("seven"))
    assert text.isascii() and "with ESMTP " in fields[1]
    there, sent = (email.message_from_bytes(t, policy=email.policy.default) for t in (text, letter("seven")))
    assert there.get_content() == sent.get_content() and there["Subject"] == sent["Subject"] and there["X-Folded"] == sent["X-Folded"]


def test_ten_megabytes_go_in_chunks(world):
    text = letter("big") + "Ein Zaunkönig, und noch einer: größer wird er nicht.\r\n".encode() * 190_000
    assert len(text) > 10 << 20
    world.submit(text, "eve@" + FAR)
    there = world.there("eve", mark("big"))[0][1]
    assert there == text, mailset.difference(there, text)
    # RFC 3030: BDAT, and no DATA.
    assert serving.until(lambda: re.search(r"postfix/mx/smtpd\S+ disconnect .* bdat=\d\d", world.postfix.log_text()), 30)


def test_while_postfix_is_stopped_mail_waits_and_then_comes_once(world):
    world.postfix.stop()
    try:
        for n in range(10):
            world.submit(letter("wait%d" % n), "bea@" + FAR, "cat@" + FAR)
        tried = serving.until(lambda: [r for e in world.queue() for r in e["recipients"] if r["attempts"]], 30)
        assert tried and all(r["phase"] == "waiting" for r in tried)
    finally:
        world.postfix.start()
    for name in ("bea", "cat"):
        assert sorted(text for _, text in world.there(name, b"<wait", 10)) == sorted(letter("wait%d" % n) for n in range(10))
    assert serving.until(world.is_idle, 120)


@pytest.mark.parametrize("name, mechanism", [("login", "PLAIN"), ("loginonly", "LOGIN")])
def test_a_smarthost_with_a_login(world, name, mechanism):
    world.submit(letter(name), "bea+%s@%s" % (name, FAR))
    assert world.there("bea", mark(name))[0][1] == letter(name)
    assert re.search(r"postfix/%s/smtpd.* sasl_method=%s, sasl_username=smarthost@relay.example" % (name, mechanism), world.postfix.log_text())


def test_what_may_not_go_so_waits_and_says_why(world):
    """A wrong password is no reason to return mail; what demands TLS goes neither in clear nor to whom nobody vouches for."""
    reasons = {"stranger": "does not take the login: 535", "required": "certificate", "unsafe": "does not offer STARTTLS"}
    for name in reasons:
        world.submit(letter(name), "bea+%s@%s" % (name, FAR))

    def tried():
        rows = {r["address"]: r for e in world.queue() for r in e["recipients"] if r["attempts"]}
        return rows if len(rows) == len(reasons) else None
    rows = serving.until(tried, 60)
    for name, reason in reasons.items():
        row = rows["bea+%s@%s" % (name, FAR)]
        assert row["phase"] == "waiting" and reason in json.dumps(row).lower() + json.dumps(row), row
        assert "to=<bea+%s@" % name not in world.postfix.log_text()
    world.here.cli("queue", "cancel", "--domain", FAR)
    assert serving.until(world.is_idle, 120)


def test_dovecot_takes_what_is_its_own_by_lmtp(world):
    """Each recipient has an answer: two have the message, one report tells of the others."""
    text = letter("lmtp") + b"A line to make it too much.\r\n" * 100
    world.submit(text, *("%s@%s" % (name, FILES) for name in ("ada", "full", "nobody", "ben")))
    report, = world.reports(mark("lmtp"))
    told = {r["Final-Recipient"].split(";")[1].strip(): (r["Action"], r["Status"]) for r in report.get_payload(1).get_payload()[1:]}
    assert told == {"full@" + FILES: ("failed", "5.2.2"), "nobody@" + FILES: ("failed", "5.1.1")}
    for name in ("ada", "ben"):
        message, = world.dovecot.messages("%s@%s" % (name, FILES))
        fields, there = parted(message.replace(b"\n", b"\r\n"), 2)
        assert there == text, mailset.difference(there, text)
        assert "with LMTP" in fields[0]
    assert world.dovecot.messages("full@" + FILES) == []
    assert serving.until(world.is_idle, 120)
