"""Mail goes out: from one server to another, with reports, holds and stops between."""
import email
import imaplib
import json
import ssl

import pytest
import server as serving
from nameserver import NameServer
from wire import SMTP

pytestmark = pytest.mark.own

OTHER = "other.example"


class Pair:
    """A server whose users write, and one that it brings everything else to by a route."""

    def __init__(self, settings=None, there=None):
        self.names = NameServer()
        self.names.__enter__()
        self.there = serving.Server({**self.names.settings, **(there or {})})
        self.there.make("postmaster")
        self.there.cli("domain", "add", OTHER)
        self.there.cli("account", "add", "bea@" + OTHER, "--password-stdin", stdin="correct horse bea 42\n")
        self.there.start()
        self.here = serving.Server({
            "outbound.enabled": True, "outbound.routes": ["there 127.0.0.1:%d private" % self.there.port("smtp")],
            "outbound.destinations": ["there *"], **self.names.settings, **(settings or {})})
        self.here.make("postmaster", "alice").start()

    def remove(self):
        self.here.remove()
        self.there.remove()
        self.names.__exit__(None, None, None)

    def submit(self, *recipients, text="Subject: wren\r\n\r\nA wren.\r\n", mail="", rcpt=""):
        sender = self.here.address("alice")
        with SMTP(self.here.host, self.here.port("submissions"), tls=True) as smtp:
            assert smtp.auth_plain(sender, self.here.passwords["alice"])[0] == 235
            for line in ["MAIL FROM:<%s>%s" % (sender, mail)] + ["RCPT TO:<%s>%s" % (r, rcpt) for r in recipients]:
                code, answer = smtp.command(line)
                assert code == 250, (line, code, answer)
            assert smtp.command("DATA")[0] == 354
            code, answer = smtp.command(text + ".")
            assert code == 250, answer

    def mail_here(self, count, timeout=60):
        return mail(self.here, self.here.address("alice"), self.here.passwords["alice"], count, timeout)

    def mail_there(self, count, timeout=60):
        return mail(self.there, "bea@" + OTHER, "correct horse bea 42", count, timeout)

    def queue(self):
        return json.loads(self.here.cli("queue", "list", "--json").stdout)


def mail(server, user, password, count, timeout):
    """The INBOX, as soon as it has so many messages; it never has more."""
    def found():
        with imap(server, user, password) as box:
            seen = int(box.select("INBOX")[1][0])
            return [box.fetch(str(n), "(BODY[])")[1][0][1].decode() for n in range(1, seen + 1)] if seen >= count else None
    texts = serving.until(found, timeout)
    assert len(texts) == count
    return texts


def imap(server, user, password):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    box = imaplib.IMAP4_SSL(server.host, server.port("imaps"), ssl_context=context)
    box.login(user, password)
    return box


@pytest.fixture
def pair(request):
    pairs = []

    def make(*args, **named):
        pairs.append(Pair(*args, **named))
        return pairs[-1]

    yield make
    for p in pairs:
        p.remove()


def test_a_users_message_reaches_the_other_server_over_tls(pair):
    p = pair()
    p.submit("bea@" + OTHER, p.here.address("alice"))
    text = p.mail_there(1)[0]
    assert text.startswith("Return-Path: <%s>\r\n" % p.here.address("alice"))
    assert text.endswith("\r\n\r\nA wren.\r\n") and "Subject: wren" in text
    # Each server says once how it came, the last on top, and over what.
    assert text.count("Received:") == 2 and "ESMTPS" in text.split("Received:")[1] and "ESMTPSA" in text.split("Received:")[2]
    assert len(p.mail_here(1)) == 1
    assert serving.until(lambda: p.queue() == [], 30)
    assert "A wren" not in p.here.log_text()


def test_nobody_there_comes_back_as_one_report_in_the_others_words(pair):
    p = pair()
    p.submit("bea@" + OTHER, "nobody@" + OTHER, "noone@" + OTHER)
    report = email.message_from_string(p.mail_here(1)[0])
    assert report.get_content_type() == "multipart/report" and report["Auto-Submitted"] == "auto-replied" and report["Return-Path"] == "<>"
    status = report.get_payload(1).as_string()
    assert status.count("Action: failed") == 2 and "5.1.1" in status and "No such user here" in status and "bea@" not in status
    p.mail_there(1)
    assert serving.until(lambda: p.queue() == [], 30)


def test_dsn_is_handed_on_and_success_is_told_by_whoever_delivers(pair):
    p = pair()
    # For the other server the sender's domain is its own too, so that its report can be seen there.
    p.there.add("alice")
    p.submit("bea@" + OTHER, mail=" RET=HDRS ENVID=e-1", rcpt=" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bea@" + OTHER)
    p.mail_there(1)
    report = mail(p.there, p.there.address("alice"), p.there.passwords["alice"], 1, 60)[0]
    assert "Action: delivered" in report and "Original-Envelope-Id: e-1" in report and "A wren" not in report
    assert serving.until(lambda: p.queue() == [], 30)
    p.mail_here(0)


def test_what_the_other_server_cannot_take_now_waits_and_is_sent_by_retry(pair):
    p = pair()
    assert p.there.stop() == 0
    p.submit("bea@" + OTHER)
    waiting = serving.until(lambda: [r for e in p.queue() for r in e["recipients"] if r["attempts"]], 30)
    assert waiting[0]["phase"] == "waiting"
    # A stop and a start lose nothing of it.
    assert p.here.stop() == 0
    p.here.start()
    p.there.start_once(60)
    p.here.cli("queue", "retry", "--all")
    p.mail_there(1)
    assert serving.until(lambda: p.queue() == [], 30)


def test_a_kill_loses_nothing_and_doubles_only_what_was_under_way(pair):
    p = pair()
    for n in range(40):
        p.submit("bea@" + OTHER, text="Subject: n%d\r\n\r\n%d\r\n" % (n, n))
        if n % 10 == 9:
            p.here.kill()
            p.here.start()
    assert serving.until(lambda: p.queue() == [], 60)
    with imap(p.there, "bea@" + OTHER, "correct horse bea 42") as box:
        count = int(box.select("INBOX")[1][0])
        subjects = [box.fetch(str(n), "(BODY[HEADER.FIELDS (SUBJECT)])")[1][0][1].decode().split()[1] for n in range(1, count + 1)]
    assert set(subjects) == {"n%d" % n for n in range(40)}
    # A connection or two were open at each kill.
    assert count <= 40 + 4 * 20


def test_undo_send_takes_a_message_back_and_lets_the_others_go(pair):
    p = pair({"outbound.hold": 3600})
    p.submit("bea@" + OTHER, p.here.address("alice"), text="Subject: regret\r\n\r\nx\r\n")
    p.submit("bea@" + OTHER, p.here.address("alice"), text="Subject: firm\r\n\r\nx\r\n")
    first, second = p.queue()
    p.here.cli("queue", "cancel", first["id"])
    p.here.cli("queue", "retry", second["id"])
    assert "Subject: firm" in p.mail_there(1)[0]
    assert "Subject: firm" in p.mail_here(1)[0]
    assert serving.until(lambda: p.queue() == [], 30)


def test_a_disabled_users_mail_is_held_and_says_so(pair):
    p = pair({"outbound.hold": 3600})
    p.submit("bea@" + OTHER)
    p.here.disable("alice")
    p.here.cli("queue", "retry", "--all")
    held = serving.until(lambda: [e["hold"] for e in p.queue() if e["hold"]], 30)
    assert "disabled" in held[0]
    p.here.enable("alice")
    p.here.cli("queue", "release", "--all")
    p.mail_there(1)
