"""Mail is signed as it leaves (DKIM): what arrives elsewhere is verified by dkimpy with the records that we say are to be published."""
import base64
import email
import json
import re
import subprocess

import dkim
import pytest
import server as serving
from nameserver import NameServer
from sink import PLAIN, Sink
from wire import SMTP

pytestmark = pytest.mark.own
D = serving.DOMAIN
SEVEN = tuple(o for o in PLAIN if o not in ("8BITMIME", "SMTPUTF8"))
MB = 1 << 20


def message(sender, more=b"", body=b"A wren.\r\n.\r\n..two dots \t \r\n\r\n\r\n"):
    return b"From: %s\r\nTo: ben@far.example\r\nSubject: wren\r\nMessage-ID: <1@%s>\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\n%s\r\n%s" % (
        sender.encode(), sender.split("@")[-1].encode(), more, body)


class Place:
    """A server of ours, a sink to which all other domains' mail goes, and a name server where keys are published."""

    def __init__(self, offers=PLAIN, settings=None, misdeeds=()):
        self.sink = Sink(*misdeeds, offers=offers)
        self.names = NameServer()
        self.names.__enter__()
        self.server = serving.Server({
            "outbound.enabled": True, "hostname": "mail." + D, "outbound.retry-first": 1, "outbound.retry-longest": 1, "outbound.destinations": ["there *"],
            "outbound.routes": ["there 127.0.0.1:%d private" % self.sink.port], **self.names.settings, **(settings or {})})
        self.server.make("postmaster", "alice", "bob").start()

    def cli(self, *words, **more):
        return self.server.cli(*words, **more)

    def keys(self, domain=D):
        return json.loads(self.cli("dkim", "list", domain, "--json").stdout)

    def states(self, domain=D):
        return sorted((k["algorithm"], k["state"]) for k in self.keys(domain))

    def printed(self, domain=D):
        """{name: text} of the keys' records that `dns records` says are to be in the zone; its strings put together, as whoever asks DNS does."""
        page = json.loads(self.cli("dns", "records", domain, "--json").stdout)
        found = {r["name"]: r["data"] for r in page["records"] if "._domainkey." in r["name"] and r["place"] == "zone"}
        assert all(len(s) <= 255 for data in found.values() for s in re.findall('"([^"]*)"', data))
        return {name: "".join(re.findall('"([^"]*)"', data)) for name, data in found.items()}

    def publish(self, domain=D):
        """Puts in DNS what is to be there, and nothing else of that kind."""
        for key in [k for k in self.names.records if k[0].endswith("._domainkey." + domain)]:
            del self.names.records[key]
        for name, text in self.printed(domain).items():
            self.names.records[(name, "TXT")] = [text]

    def rotate(self, domain=D):
        return json.loads(self.cli("dkim", "rotate", domain, "--json").stdout)

    def sign(self, domain=D):
        """From now on mail of the domain is signed, by both keys."""
        self.publish(domain)
        self.rotate(domain)
        assert self.states(domain) == [("ed25519-sha256", "active"), ("rsa-sha256", "active")]

    def txt(self, name, timeout=5):
        """What dkimpy asks."""
        found = self.names.records.get((name.decode().rstrip(".").lower(), "TXT"))
        return found[0].encode() if found else None

    def send(self, sender, recipient, data, user=None):
        with SMTP(self.server.host, self.server.port("submissions" if user else "smtp"), tls=bool(user)) as smtp:
            if user:
                assert smtp.auth_plain(self.server.address(user), self.server.passwords[user])[0] == 235
            code, said = smtp.deliver(sender, [recipient], data)
            assert code == 250, said

    def submit(self, data=None, user="alice", recipient="ben@far.example"):
        sender = self.server.address(user)
        self.send(sender, recipient, data or message(sender), user)
        return self.one()

    def one(self):
        """The one message that has arrived."""
        assert serving.until(lambda: self.sink.texts, 60), self.server.log_text()[-3000:]
        text, = self.sink.texts
        self.sink.texts = []
        return text

    def holds(self, data, place):
        """Whether a signature does, by its place from above."""
        try:
            return dkim.DKIM(data).verify(idx=place, dnsfunc=self.txt)
        except dkim.ValidationError:
            return False

    def signed(self, data, ours=D):
        """(d=, a=) of the signatures that we made; all of them hold. They stand before everything else."""
        fields = re.findall(rb"^DKIM-Signature: (.*\r\n(?:[ \t].*\r\n)*)", data, re.M)
        own = 0
        found = []
        for place, field in enumerate(fields):
            tags = dict(t.strip().split("=", 1) for t in re.sub(r"\s+", "", field.decode()).split(";") if t)
            assert self.holds(data, place), (place, field)
            if tags["d"] == ours or tags["d"].endswith("." + ours):
                found.append((tags["d"], tags["a"]))
                own += 1
                assert tags["c"] == "relaxed/relaxed" and "l" not in tags and tags["h"].lower().split(":").count("from") == 2
        if own:
            assert data.startswith(b"DKIM-Signature: ")
        return sorted(found)

    def close(self):
        self.server.remove()
        self.sink.close()
        self.names.__exit__(None, None, None)


BOTH = [(D, "ed25519-sha256"), (D, "rsa-sha256")]


@pytest.fixture
def place():
    made = []

    def make(**options):
        made.append(Place(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def shared():
    """One whose keys sign."""
    here = Place()
    here.sign()
    yield here
    here.close()


def test_keys_are_made_for_a_new_domain_and_sign_when_they_are_published_and_a_kill_loses_none(place):
    here = place()
    assert "Signing keys are made" in here.server.log_with("Signing keys are made")
    assert here.states() == [("ed25519-sha256", "pending"), ("rsa-sha256", "pending")]
    assert here.signed(here.submit().data) == []
    assert {s["record"] for s in here.rotate()["sights"]} == {"absent"}
    here.sign()
    assert here.signed(here.submit().data) == BOTH
    before = here.keys()
    here.server.kill()
    here.server.start()
    assert here.keys() == before and here.signed(here.submit().data) == BOTH
    here.cli("domain", "add", "second.example")
    assert "domain=second.example" in here.server.log_with("Signing keys are made.*second.example")
    here.sign("second.example")


def test_a_start_lets_keys_sign_whose_records_came_meanwhile(place):
    here = place()
    here.publish()
    here.server.restart()
    assert serving.until(lambda: here.states() == [("ed25519-sha256", "active"), ("rsa-sha256", "active")], 60), here.server.log_text()[-2000:]
    assert here.signed(here.submit().data) == BOTH


def test_what_a_user_submits_is_signed_with_both_keys(shared):
    text = shared.submit(message(shared.server.address("alice"), b"List-Unsubscribe: <https://x.example/>\r\nX-Other: y\r\n"))
    assert shared.signed(text.data) == BOTH
    assert re.search(rb"h=[^;]*list-unsubscribe", re.sub(rb"\s+", b"", text.data), re.I)
    for change in (lambda d: d.replace(b"A wren", b"A crow"), lambda d: d.replace(b"Subject: wren", b"Subject: crow"),
                   lambda d: d.replace(b"\r\nTo:", b"\r\nFrom: eve@evil.example\r\nTo:"), lambda d: d.replace(b"\r\nDate:", b"\r\nSubject: more\r\nDate:")):
        changed = change(text.data)
        assert changed != text.data and not any(shared.holds(changed, i) for i in (0, 1))


@pytest.mark.parametrize("offers", [PLAIN, SEVEN, PLAIN + ("CHUNKING",), SEVEN + ("CHUNKING",)], ids=["8bit", "7bit", "8bit-bdat", "7bit-bdat"])
def test_it_is_signed_as_it_goes_out_after_conversion(place, offers):
    here = place(offers=offers)
    here.sign()
    more = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    text = here.submit(message(here.server.address("alice"), more, "Ein Zaunkönig.\r\n.\r\n".encode() * 3000))
    assert here.signed(text.data) == BOTH
    assert text.data.isascii() == ("8BITMIME" not in offers)
    assert email.message_from_bytes(text.data).get_payload(decode=True).decode().startswith("Ein Zaunkönig.")


def test_reports_are_signed_by_the_domain_above_the_servers_name(place):
    here = place(misdeeds=[{"RCPT ben": b"550 5.1.1 nobody\r\n"}])
    here.sign()
    here.cli("alias", "add", "info@" + D, "ben@far.example")
    here.send("ann@other.example", "info@" + D, message("ann@other.example"))
    report = here.one()
    assert report.sender == "" and report.recipients == ["ann@other.example"] and b"From: Mail Delivery System <postmaster@mail." in report.data
    assert here.signed(report.data) == BOTH


def foreign_key():
    """Somebody else's: PEM, and the text of its record."""
    pem = subprocess.run(["openssl", "genrsa", "2048"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    der = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=pem, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    return pem, "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()


def signed_by_author(here, data, domain):
    pem, record = foreign_key()
    here.names.records[("s1._domainkey." + domain, "TXT")] = [record]
    return dkim.sign(data, b"s1", domain.encode(), pem) + data


def test_a_list_adds_its_signature_and_leaves_its_authors(place):
    here = place()
    here.sign()
    here.cli("list", "add", "dev@" + D, "--owner", "alice@" + D, "--posters", "anyone")
    here.cli("list", "member", "add", "dev@" + D, "ben@far.example", "bob@" + D)
    posted = signed_by_author(here, message("ann@other.example"), "other.example")
    here.send("ann@other.example", "dev@" + D, posted)
    text = here.one()
    assert text.sender.endswith("@" + D) and b"List-Unsubscribe:" in text.data
    assert here.signed(text.data) == BOTH and text.data.count(b"DKIM-Signature:") == 3
    # One of ours writes to it.
    text = here.submit(user="bob", recipient="dev@" + D)
    assert here.signed(text.data) == BOTH
    # A stranger in the name of one of ours, whom nobody has authenticated: even if it is let go.
    here.send("eve@evil.example", "dev@" + D, message("carol@" + D))
    held = serving.until(lambda: json.loads(here.cli("queue", "list", "--json", "--state", "held").stdout), 60)
    here.cli("queue", "release", held[0]["id"])
    text = here.one()
    assert b"From: carol@" in text.data and here.signed(text.data) == []


def test_forwarded_mail_is_signed_by_who_forwards_and_never_in_a_strangers_from(shared):
    here = shared
    here.cli("alias", "add", "onward@" + D, "ben@far.example")
    here.send("ann@other.example", "onward@" + D, signed_by_author(here, message("ann@other.example"), "other.example"))
    text = here.one()
    assert text.sender.startswith("SRS0=") and here.signed(text.data) == BOTH and text.data.count(b"DKIM-Signature:") == 3
    # In the very name of a user, or of nobody knows whom, it is not sent on at all; nor in a name below ours, which is nobody's here, but for which our sender and
    # our signature would speak by relaxed alignment.
    with SMTP(here.server.host, here.server.port("smtp")) as smtp:
        for spoof in (
                b"From: bob@%s\r\n", b"From: ann@other.example\r\nFrom: ceo@sales.%s\r\n", b"From: ceo@sales.%s\r\n", b"From: ann@other.example, ceo@sales.%s\r\n",
                b"From: Us: ceo@sales.%s;\r\n", b"From: <ann@other.example> <ceo@sales.%s>\r\n"):
            assert smtp.deliver("eve@evil.example", ["onward@" + D], spoof % D.encode() + b"To: x@far.example\r\n\r\nx\r\n")[0] == 550, spoof
    assert here.sink.texts == []


def test_a_programs_mail_is_signed_in_any_name_of_ours_and_in_nobody_elses(shared):
    def hand_in(author, sender, more=b""):
        text = message(author, more).replace(b"\r\n", b"\n")
        subprocess.run([serving.program(), "sendmail", "-i", "-f", sender, "ben@far.example"], input=text, env=shared.server.environment(), check=True, timeout=60)
        return shared.one()

    text = hand_in("noreply@" + D, "www-data@" + D)
    assert b"(userid " in text.data and shared.signed(text.data) == BOTH
    assert shared.signed(hand_in("root@mail." + D, "root@mail." + D).data) == BOTH
    # By us, who send it, and not by its author's domain; or by nobody.
    assert shared.signed(hand_in("customer@other.example", "www-data@" + D).data) == BOTH
    assert shared.signed(hand_in("customer@other.example", "customer@other.example").data) == []
    assert shared.signed(hand_in("customer@other.example, ceo@" + D, "www-data@" + D, b"Sender: www-data@%s\r\n" % D.encode()).data) == []


def test_what_is_forwarded_is_sealed_with_what_was_found_when_it_came(place):
    """ARC (RFC 8617): dkimpy finds that the chain holds, and what it says of the sender."""
    here = place(settings={"trust.enabled": True, "trust.exempt": []})
    here.sign()
    here.names.records["other.example", "TXT"] = ["v=spf1 ip4:127.0.0.1 -all"]
    here.names.records["_dmarc.other.example", "TXT"] = ["v=DMARC1; p=reject"]
    here.cli("alias", "add", "sealed@" + D, "ben@far.example")
    here.send("ann@other.example", "sealed@" + D, message("ann@other.example", b"Authentication-Results: mail.%s; dmarc=pass header.from=bank.example\r\n" % D.encode()))
    text = here.one()
    chain, sets, reason = dkim.arc_verify(text.data, dnsfunc=here.txt)
    assert chain == b"pass", (reason, text.data)
    results = re.sub(rb"\s+", b" ", re.search(rb"^ARC-Authentication-Results: (.*\r\n(?:[ \t].*\r\n)*)", text.data, re.M).group(1))
    assert results.startswith(b"i=1; mail.%s; dmarc=pass " % D.encode()) and b"header.from=other.example" in results and b"spf=pass" in results, results
    assert b"arc=none" in results and b"bank.example" not in text.data


def test_mail_that_is_only_carried_is_not_signed(place):
    here = place(settings={"relay.domains": ["carried.example"], "relay.networks": ["127.0.0.1"]})
    here.sign()
    for recipient in ("x@carried.example", "x@elsewhere.example"):
        here.send("alice@" + D, recipient, message("alice@" + D))
        assert here.signed(here.one().data) == []


def test_rotation_has_no_gap(place):
    """At each step what is sent verifies with what is published then, and what was sent a step before still does."""
    here = place()
    here.sign()
    first = {k["selector"] for k in here.keys()}

    def sent():
        text = here.submit().data
        assert here.signed(text) == BOTH
        return text, set(re.findall(r"s=([a-z0-9]+);", re.sub(r"\s+", "", text.decode())))

    old, selectors = sent()
    assert selectors == first
    rotation = here.rotate()
    second = set(rotation["made"])
    assert len(second) == 2 and not second & first
    assert sent()[1] == first
    # Not published yet: nothing changes, and no more keys are made.
    assert here.rotate()["made"] == [] and sent()[1] == first
    here.publish()
    assert here.signed(old) == BOTH
    assert {s["record"] for s in here.rotate()["sights"]} == {"published"}
    assert sent()[1] == second
    assert {k["selector"]: k["state"] for k in here.keys()} == {**{s: "retiring" for s in first}, **{s: "active" for s in second}}
    here.publish()
    assert here.signed(old) == BOTH, "the old records are to stay"
    for selector in first:
        here.cli("dkim", "remove", D, selector)
    assert not {n.split(".")[0] for n in here.printed()} & first
    here.publish()
    assert sent()[1] == second
    # What others may still have in their caches has no second meaning.
    assert not set(here.rotate()["made"]) & (first | second)


def test_another_servers_key_is_taken_over(place):
    here = place()
    here.cli("dkim", "import", D, "Old-Key", stdin=foreign_key()[0].decode())
    here.cli("dkim", "activate", D, "old-key")
    here.publish()
    assert here.signed(here.submit().data) == [(D, "rsa-sha256")]
    for words in (["import", D, "other"], ["import", D, "a_b"], ["import", "nobody.example", "a"]):
        assert here.cli("dkim", *words, stdin="no key\n", check=False).returncode in (65, 67)
    assert here.cli("dkim", "show", D, "gone", check=False).returncode == 67


def test_a_message_of_50_mb_is_never_held(place):
    here = place()
    here.sign()
    head = message(here.server.address("alice"))
    data = head + (b"x" * 76 + b"\r\n") * ((49 * MB) // 78)
    here.submit()
    before = here.server.counts.watch()
    text = here.submit(data)
    assert here.holds(text.data, 0)
    grown = here.server.counts.peak - before
    assert grown < 16 * MB, "%d MB more at once" % (grown // MB)
