"""Addresses that stand for others, as an administrator sets them and mail finds them: what comes, what goes on to another server, and what comes back."""
import email
import json
import re

import pytest
import server as serving
from conftest import Account
from sink import PLAIN, Sink
from wire import SMTP

pytestmark = pytest.mark.own
D = serving.DOMAIN
MESSAGE = b"From: ann@other.example\r\nSubject: wren\r\n\r\nA wren.\r\n"


class Place:
    """A server of ours with some users, and a sink to which all other domains' mail goes."""

    def __init__(self, settings=None):
        self.sink = Sink()
        self.server = serving.Server({
            "outbound.enabled": True, "outbound.retry-first": 1, "outbound.retry-longest": 1, "outbound.destinations": ["there *"],
            "outbound.routes": ["there 127.0.0.1:%d private" % self.sink.port], **(settings or {})})
        self.server.make("postmaster", "alice", "bob")

    def cli(self, *words, check=True):
        return self.server.cli(*words, check=check)

    def refused(self, *words):
        ended = self.cli(*words, check=False)
        assert ended.returncode not in (0, 1, 70), ended
        return ended.stderr

    def send(self, sender, *recipients, user=None, data=MESSAGE):
        port = "submissions" if user else "smtp"
        with SMTP(self.server.host, self.server.port(port), tls=bool(user)) as smtp:
            if user:
                assert smtp.auth_plain(self.server.address(user), self.server.passwords[user])[0] == 235
            return smtp.deliver(sender, recipients, data)

    def sent(self, count):
        """What the sink has got, once it is so much and nothing is left to send."""
        assert serving.until(lambda: len(self.sink.texts) >= count and self.queue() == [], 60), (self.sink.texts, self.queue())
        assert len(self.sink.texts) == count, self.sink.texts
        texts, self.sink.texts = self.sink.texts, []
        return texts

    def queue(self):
        return json.loads(self.cli("queue", "list", "--json").stdout)

    def mail(self, name, mailbox="INBOX"):
        return [email.message_from_bytes(text) for text in Account(self.server, name).bodies(mailbox).values()]

    def close(self):
        self.server.remove()
        self.sink.close()


@pytest.fixture
def place():
    made = []

    def make(settings=None):
        made.append(Place(settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_aliases_lead_here_and_elsewhere_before_and_while_the_server_runs_and_after_a_restart(place):
    here = place()
    here.cli("alias", "add", "info@" + D, "alice@" + D, "ben@far.example")
    here.server.start()
    here.cli("alias", "add", "INFO@" + D, "bob@" + D)
    here.cli("alias", "add", "@" + D, "bob@" + D)
    here.cli("domain", "add", "second.example", "--alias-of", D)
    assert json.loads(here.cli("alias", "list", "--json").stdout) == [
        {"name": "@" + D, "targets": ["bob@" + D], "nobody": []},
        {"name": "info@" + D, "targets": ["alice@" + D, "ben@far.example", "bob@" + D], "nobody": []}]
    assert "second.example\tstands for " + D in here.cli("domain", "list").stdout
    assert here.send("ann@other.example", "Info@second.example")[0] == 250
    assert here.send("ann@other.example", "anybody@" + D)[0] == 250
    text, = here.sent(1)
    assert text.recipients == ["ben@far.example"] and text.data.count(b"Delivered-To: Info@second.example\r\n") == 1
    assert (len(here.mail("alice")), len(here.mail("bob"))) == (1, 2)
    assert here.server.stop() == 0
    here.server.start()
    assert here.send("ann@other.example", "info@" + D)[0] == 250
    assert len(here.sent(1)) == 1
    here.cli("alias", "remove", "info@" + D)
    here.cli("alias", "remove", "@" + D)
    assert here.send("ann@other.example", "info@" + D)[1].startswith("5.1.1")


def test_a_forwarded_sender_is_ours_and_what_comes_back_finds_who_wrote(place):
    here = place()
    here.server.start()
    here.cli("account", "forward", "alice@" + D, "ben@far.example")
    assert here.send("ann@other.example", "alice@" + D)[0] == 250
    text, = here.sent(1)
    assert re.fullmatch(r"SRS0=[a-z2-7]{8}=[a-z2-7]{2}=other\.example=ann@" + re.escape(D), text.sender), text.sender
    assert text.recipients == ["ben@far.example"] and text.data.endswith(MESSAGE)
    assert len(here.mail("alice")) == 1
    # The other server reports, and has changed the case.
    assert here.send("", text.sender.lower(), data=b"Subject: Undelivered\r\n\r\nNo.\r\n")[0] == 250
    report, = here.sent(1)
    assert (report.sender, report.recipients) == ("", ["ann@other.example"])
    assert here.send("eve@evil.example", text.sender)[1].startswith("5.7.1"), "only reports go to such an address"
    for forged in ("SRS0=aaaaaaaa=" + text.sender.split("=", 2)[2], text.sender.replace("ann@", "eve@"), "SRS0=x@" + D):
        assert here.send("", forged)[1].startswith("5.1.1"), forged
    # One of ours writes: the sender stays.
    assert here.send("bob@" + D, "alice@" + D, user="bob", data=MESSAGE.replace(b"ann@other.example", b"bob@" + D.encode()))[0] == 250
    assert here.sent(1)[0].sender == "bob@" + D
    # Nobody wrote it.
    assert here.send("", "alice@" + D)[0] == 250
    assert here.sent(1)[0].sender == ""
    # A stranger has borrowed bob's name: it is kept, and not sent on.
    before = len(here.mail("alice"))
    assert here.send("eve@evil.example", "alice@" + D, data=MESSAGE.replace(b"ann@other.example", b"bob@" + D.encode()))[0] == 250
    assert len(here.mail("alice")) == before + 1 and here.queue() == [] and here.sink.texts == []
    here.cli("account", "forward", "alice@" + D, "ben@far.example", "--no-copy")
    before = len(here.mail("alice"))
    assert here.send("ann@other.example", "alice@" + D)[0] == 250
    here.sent(1)
    assert len(here.mail("alice")) == before
    assert json.loads(here.cli("account", "forward", "alice@" + D, "--json").stdout) == {
        "filesByDetail": False, "forwardsTo": ["ben@far.example"], "keepsCopy": False}
    here.cli("account", "forward", "alice@" + D, "--off")
    assert here.send("ann@other.example", "alice@" + D)[0] == 250
    assert len(here.mail("alice")) == before + 1 and here.queue() == []


def test_what_another_server_refuses_is_told_to_who_wrote(place):
    here = place()
    here.sink.misdeeds = ({"RCPT ben": b"550 5.1.1 nobody\r\n"},) * 20
    here.server.start()
    here.cli("account", "forward", "alice@" + D, "ben@far.example")
    assert here.send("ann@other.example", "alice@" + D)[0] == 250
    report, = here.sent(1)
    assert (report.sender, report.recipients) == ("", ["ann@other.example"])
    assert b"ben@far.example" in report.data and b"5.1.1" in report.data
    # A report that cannot be delivered ends here.
    assert here.send("", "alice@" + D)[0] == 250
    assert serving.until(lambda: here.queue() == [], 60)
    assert here.sink.texts == [] and len(here.mail("postmaster")) == 0


def test_mail_that_goes_round_through_another_server_ends_when_it_is_here_again(place):
    here = place()
    here.server.start()
    here.cli("account", "forward", "alice@" + D, "ben@far.example")
    assert here.send("ann@other.example", "alice@" + D)[0] == 250
    text, = here.sent(1)
    # far.example has ben's mail sent on to alice.
    back = b"Received: from mx.far.example by mx.far.example; Sun, 29 Nov 2026 12:00:00 +0000\r\n" + text.data
    code, said = here.send(text.sender, "alice@" + D, data=back)
    assert code == 554 and said.startswith("5.4.6"), said


def test_details_are_filed_where_the_user_wants(place):
    here = place()
    here.server.start()
    with Account(here.server, "alice").imap() as imap:
        imap.command('CREATE "Bills"')
    assert here.send("ann@other.example", "alice+bills@" + D)[0] == 250
    assert len(here.mail("alice")) == 1
    here.cli("account", "subaddress", "alice@" + D, "mailbox")
    assert here.send("ann@other.example", "ALICE+bills@" + D, "alice+none@" + D)[0] == 250
    assert here.send("ann@other.example", "alice+none@" + D)[0] == 250
    assert (len(here.mail("alice")), len(here.mail("alice", "Bills"))) == (2, 1)


def test_a_user_sends_as_each_of_their_addresses_and_as_nobody_else(place):
    here = place()
    here.server.start()
    here.cli("domain", "add", "second.example", "--alias-of", D)
    here.cli("alias", "add", "info@" + D, "alice@" + D, "bob@" + D)
    here.cli("account", "forward", "bob@" + D, "alice@" + D)
    for sender in ("alice@" + D, "alice+x@" + D, "alice@second.example", "info@" + D, "Info+y@second.example"):
        said = here.send(sender, "postmaster@" + D, user="alice", data=b"From: %s\r\n\r\nx\r\n" % sender.encode())
        assert said[0] == 250, (sender, said)
    for sender in ("bob@" + D, "bob@second.example", "postmaster@" + D, "nobody@" + D, "SRS0=x@" + D):
        assert here.send(sender, "postmaster@" + D, user="alice")[1].startswith("5.7.1"), sender
        said = here.send("alice@" + D, "postmaster@" + D, user="alice", data=b"From: %s\r\n\r\nx\r\n" % sender.encode())
        assert said[1].startswith("5.7.1"), (sender, said)


def test_what_cannot_be_is_refused_in_a_line_that_says_why(place):
    here = place()
    here.cli("alias", "add", "a@" + D, "alice@" + D)
    assert "round in circles: alice@%s -> a@%s -> alice@%s" % (D, D, D) in here.refused("account", "forward", "alice@" + D, "a@" + D)
    here.cli("alias", "add", "b@" + D, "a@" + D)
    assert "round in circles" in here.refused("alias", "add", "a@" + D, "b@" + D)
    assert "nobody is called carol@" in here.refused("alias", "add", "c@" + D, "carol@" + D)
    assert "taken" in here.refused("alias", "add", "alice@" + D, "bob@" + D)
    assert "taken" in here.refused("account", "add", "a@" + D)
    assert "no such domain" in here.refused("alias", "add", "a@far.example", "alice@" + D)
    assert "no such alias" in here.refused("alias", "remove", "zzz@" + D)
    assert "taken" in here.refused("domain", "add", D, "--alias-of", D)
    assert "has aliases" in here.refused("domain", "remove", D)
    here.cli("account", "remove", "bob@" + D, "--yes")
    here.server.add("bob")
    here.cli("alias", "add", "bo@" + D, "bob@" + D)
    here.cli("account", "remove", "bob@" + D, "--yes")
    assert "bo@%s\tbob@%s (nobody)" % (D, D) in here.cli("alias", "list").stdout


def test_an_account_that_writes_to_too_many_is_held_and_let_go_by_an_administrator(place):
    here = place({"limits.recipients-per-hour": 5})
    here.server.start()
    own = MESSAGE.replace(b"ann@other.example", b"alice@" + D.encode())
    assert here.send("alice@" + D, *["r%d@far.example" % n for n in range(5)], user="alice", data=own)[0] == 250
    here.sent(1)
    assert here.send("alice@" + D, "r5@far.example", "bob@" + D, user="alice", data=own)[0] == 250
    assert here.send("alice@" + D, "bob@" + D, user="alice", data=own)[0] == 250
    line = here.server.log_with("limits.recipients-per-hour")
    assert "alice@" + D in line
    entry, = here.queue()
    assert "more recipients" in entry["hold"], entry
    assert len(here.mail("bob")) == 2 and here.sink.texts == []
    here.cli("queue", "release", entry["id"])
    assert here.sent(1)[0].recipients == ["r5@far.example"]
