"""Lists of members, from outside: their posts by way of a Postfix and of another server of ours, and what members, owners and other servers answer."""
import email
import json
import re
import subprocess

import dkim
import pytest
import server as serving
from conftest import Account
from peers import Postfix, needs
from sink import Sink
from wire import SMTP

pytestmark = [pytest.mark.own, needs("postfix")]

FAR, SINK = "far.example", "sink.example"
OWNER = "alice@" + serving.DOMAIN
BODY = b"A wren.\r\n\r\n--\r\nwith a footer of its own \xe2\x9c\x93\r\n"


def bring(server, sender, recipients, data):
    """As another server; the answer."""
    with SMTP(server.host, server.port("smtp")) as smtp:
        return smtp.deliver(sender, recipients, data)


def submit(server, name, recipients, data):
    sender = server.address(name)
    with SMTP(server.host, server.port("submissions"), tls=True) as smtp:
        assert smtp.auth_plain(sender, server.passwords[name])[0] == 235
        code, said = smtp.deliver(sender, recipients, data)
        assert code == 250, said


def post(author, subject="wrens", to="dev@" + serving.DOMAIN, more=b""):
    return b"From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s@x>\r\n%s\r\n" % (
        author.encode(), to.encode(), subject.encode(), re.sub(r"\W", "", subject).encode(), more) + BODY


def queue(server):
    return json.loads(server.cli("queue", "list", "--json").stdout)


def members(server, name="dev"):
    return {m["address"]: m for m in json.loads(server.cli("list", "member", "list", name, "--json").stdout)}


def word(text, start):
    return re.search(re.escape(start) + rb"[a-z2-7]+@[a-z.]+", text).group().decode()


class World:
    """`here` has the lists and knows a Postfix for everything but `far.example`, which is another server of ours with lists. The Postfix brings to a sink,
    and returns what is for unknown domains."""

    def __init__(self):
        self.here, self.far, self.sink = serving.Server(), serving.Server(), Sink()
        self.postfix = Postfix({"mx": {}}, {SINK: self.sink.port, serving.DOMAIN: self.here.port("smtp")})
        common = {"outbound.enabled": True, "outbound.retry-first": 1, "outbound.retry-longest": 1}
        ways = {"postfix 127.0.0.1:%d private" % self.postfix.ports["mx"]: "*", "far 127.0.0.1:%d private" % self.far.port("smtp"): FAR}
        self.configure(self.here, common, ways)
        self.configure(self.far, common, {
            "postfix 127.0.0.1:%d private" % self.postfix.ports["mx"]: "*", "here 127.0.0.1:%d private" % self.here.port("smtp"): serving.DOMAIN})

    @staticmethod
    def configure(server, common, ways):
        server.settings = {**common, "outbound.routes": ['"%s"' % way for way in ways],
                           "outbound.destinations": ['"%s %s"' % (way.split()[0], whom) for way, whom in ways.items()]}
        server.write_configuration()

    def start(self):
        self.here.make("postmaster", "alice", "bob").start_once(60)
        self.far.cli("init")
        self.far.cli("domain", "add", FAR)
        self.far.passwords["otto"] = "correct horse otto 42"
        self.far.cli("account", "add", "otto@" + FAR, "--password-stdin", stdin=self.far.passwords["otto"] + "\n")
        self.far.start_once(60)
        self.postfix.start()
        return self

    def list(self, name, *people, options=()):
        self.here.cli("list", "add", name, "--owner", OWNER, *options)
        if people:
            self.here.cli("list", "member", "add", name, *people)

    def texts(self, recipient, count=1):
        """What the sink has for somebody, once it is so many; there are never more."""
        def found():
            texts = [t.data for t in list(self.sink.texts) if recipient in t.recipients]
            return texts if len(texts) >= count else None
        texts = serving.until(found, 120) or []
        if len(texts) != count:
            print(self.here.log_text()[-6000:], self.far.log_text()[-6000:], sep="\n")
        assert len(texts) == count, recipient
        return texts

    def mail(self, name, what, count=1):
        def found():
            texts = [t for t in Account(self.here, name).bodies().values() if what in t]
            return texts if len(texts) >= count else None
        texts = serving.until(found, 120) or []
        assert len(texts) == count, (name, what, len(texts))
        return texts

    def settled(self):
        """Nothing is under way any more, at either server and at the Postfix."""
        return serving.until(lambda: not queue(self.here) and not queue(self.far) and not self.postfix.queued(), 120)

    def remove(self):
        for part in (self.here, self.far, self.postfix):
            part.remove()
        self.sink.close()


@pytest.fixture(scope="module")
def world():
    made = World()
    try:
        yield made.start()
    finally:
        made.remove()


@pytest.mark.parametrize("canonical", [b"relaxed/relaxed", b"simple/simple"])
def test_a_signed_post_verifies_at_members(world, canonical):
    name, number = "sig%s" % canonical.decode().split("/")[0], canonical.decode().split("/")[0]
    dora = "dora.%s@%s" % (number, SINK)
    world.list(name, dora, "bob@" + serving.DOMAIN, options=["--name", "Bücher & mehr"])
    key = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=key, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    import base64
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    text = post(dora, "Re: signed %s" % number, to="%s@%s" % (name, serving.DOMAIN), more=b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n")
    signed = dkim.sign(text, b"s1", SINK.encode(), key, canonicalize=tuple(canonical.split(b"/"))) + text
    assert bring(world.here, dora, ["%s@%s" % (name, serving.DOMAIN)], signed)[0] == 250
    for got in world.texts(dora) + world.mail("bob", b"signed " + number.encode()):
        assert dkim.verify(got, dnsfunc=lambda name, timeout=5: record), got
        parsed = email.message_from_bytes(got)
        assert parsed["Subject"] == "Re: signed %s" % number and got.endswith(BODY)
        assert "<%s.%s>" % (name, serving.DOMAIN) in parsed["List-Id"] and len(parsed.get_all("List-Unsubscribe")) == 1
        assert parsed["List-Unsubscribe-Post"] is None
        changed = got.replace(b"A wren.", b"A hen.")
        assert not dkim.verify(changed, dnsfunc=lambda name, timeout=5: record)


def test_what_comes_back_goes_to_the_owner_and_not_to_the_author(world):
    world.list("birds", "emil@" + SINK, "gone@nowhere.example")
    assert bring(world.here, "emil@" + SINK, ["birds@" + serving.DOMAIN], post("emil@" + SINK, "flight"))[0] == 250
    # Once his own post, and nothing else.
    world.texts("emil@" + SINK)
    [returned] = world.mail("alice", b"Delivered-To: birds-bounces@")
    assert b"nowhere.example" in returned and b"report-type=delivery-status" in returned
    assert world.settled()
    world.texts("emil@" + SINK)
    assert members(world.here, "birds")["gone@nowhere.example"]["state"] == "failing"
    assert members(world.here, "birds")["emil@" + SINK]["state"] == "active"
    assert "failing" in world.here.cli("list", "member", "list", "birds").stdout


def test_moderation_by_mail(world):
    world.list("calm", "fritz@" + SINK)
    for subject in ("goodpost", "badpost"):
        assert bring(world.here, "stranger@" + SINK, ["calm@" + serving.DOMAIN], post("stranger@" + SINK, subject))[0] == 250
    [good] = world.mail("alice", b"waits: goodpost")
    [bad] = world.mail("alice", b"waits: badpost")
    held = [e for e in queue(world.here) if e["hold"]]
    assert [e["hold"] for e in held] == ["it waits for the owners of a list"] * 2
    accept, reject = email.message_from_bytes(good)["Reply-To"].strip("<>"), word(bad, b"calm-reject+")
    # Another of our users is no owner, and nobody from outside is alice.
    submit(world.here, "bob", [accept], b"From: bob@%s\r\nSubject: Re: x\r\n\r\nyes\r\n" % serving.DOMAIN.encode())
    submit(world.here, "alice", [accept], b"From: %s\r\nSubject: Re: x\r\n\r\nyes\r\n" % OWNER.encode())
    [text] = world.texts("fritz@" + SINK)
    assert b"Subject: goodpost" in text
    submit(world.here, "alice", [reject], b"From: %s\r\nSubject: Re: x\r\n\r\nno\r\n" % OWNER.encode())
    assert world.settled()
    world.texts("fritz@" + SINK)
    assert not [t for t in world.sink.texts if "stranger@" + SINK in t.recipients]
    submit(world.here, "alice", [accept], b"From: %s\r\nSubject: Re: x\r\n\r\nyes\r\n" % OWNER.encode())
    world.mail("alice", b"Subject: That post waits no longer")
    # What is nobody's word is nobody's address.
    assert bring(world.here, OWNER, [accept.replace("accept", "reject")], b"From: %s\r\n\r\n" % OWNER.encode())[0] == 550


def test_refusals_are_said_while_the_sender_listens(world):
    world.list("shut", "bob@" + serving.DOMAIN, options=["--others", "refused", "--posters", "members"])
    to = ["shut@" + serving.DOMAIN]
    code, said = bring(world.here, "x@" + SINK, to, post("x@" + SINK))
    assert code == 550 and "5.7.2" in said, said
    assert bring(world.here, "", to, post("x@" + SINK))[0] == 550
    assert bring(world.here, "bob@" + serving.DOMAIN, to, post("bob@" + serving.DOMAIN, more=b"List-Id: <shut.%s>\r\n" % serving.DOMAIN.encode()))[0] == 554
    submit(world.here, "bob", to, post("bob@" + serving.DOMAIN, "by bob"))
    world.mail("bob", b"Subject: by bob")


def test_joining_and_leaving_by_mail(world):
    world.list("open")
    ask = lambda subject: bring(world.here, "gerd@" + SINK, ["open-request@" + serving.DOMAIN], post("gerd@" + SINK, subject))  # noqa: E731
    assert ask("subscribe")[0] == 250 and ask("subscribe")[0] == 250
    [letter] = world.texts("gerd@" + SINK)
    assert b"Auto-Submitted: auto-replied" in letter
    confirm = email.message_from_bytes(letter)["Reply-To"].strip("<>")
    assert bring(world.here, "gerd@" + SINK, [confirm], post("gerd@" + SINK, "Re: yes"))[0] == 250
    assert serving.until(lambda: "gerd@" + SINK in members(world.here, "open"), 60)
    world.texts("gerd@" + SINK, 2)
    assert bring(world.here, "gerd@" + SINK, ["open@" + serving.DOMAIN], post("gerd@" + SINK, "hello"))[0] == 250
    got = world.texts("gerd@" + SINK, 3)[2]
    leave = email.message_from_bytes(got)["List-Unsubscribe"].removeprefix("<mailto:").removesuffix(">")
    assert bring(world.here, "gerd@" + SINK, [leave], post("gerd@" + SINK, "unsubscribe"))[0] == 250
    assert serving.until(lambda: not members(world.here, "open"), 60)
    world.texts("gerd@" + SINK, 4)


def test_two_lists_that_have_each_other_do_not_go_round(world):
    world.list("loop", "hans@" + SINK, "ops@" + FAR, options=["--posters", "anyone"])
    world.far.cli("list", "add", "ops@" + FAR, "--owner", "otto@" + FAR, "--posters", "anyone")
    world.far.cli("list", "member", "add", "ops@" + FAR, "loop@" + serving.DOMAIN, "ida@" + SINK, "otto@" + FAR)
    assert bring(world.here, "x@" + SINK, ["loop@" + serving.DOMAIN], post("x@" + SINK, "round"))[0] == 250
    [text] = world.texts("ida@" + SINK)
    parsed = email.message_from_bytes(text)
    assert parsed.get_all("List-Id") == ["<ops.%s>" % FAR] or "<ops.%s>" % FAR in parsed["List-Id"]
    assert parsed.get_all("Delivered-To") == ["ops@" + FAR, "loop@" + serving.DOMAIN]
    world.texts("hans@" + SINK)
    assert world.settled()
    world.texts("hans@" + SINK)
    world.texts("ida@" + SINK)
    # The other list's owner sees what came back.
    assert members(world.far, "ops@" + FAR)["loop@" + serving.DOMAIN]["state"] == "failing"


def test_a_crash_while_a_post_goes_out_to_many_sends_nothing_twice_and_to_everybody(own_server):
    server = own_server("postmaster", "alice", start=False)
    people = ["m%d@%s" % (i, SINK) for i in range(400)]
    server.cli("list", "add", "dev", "--owner", OWNER, "--posters", "anyone")
    assert "Added 401 members" in server.cli("list", "member", "add", "dev", "--stdin", OWNER, stdin="\n".join(people)).stdout
    for number in range(6):
        server.start()
        assert bring(server, "x@" + SINK, ["dev@" + serving.DOMAIN], post("x@" + SINK, "number %d" % number))[0] == 250
        server.kill()
    server.start()

    def counted():
        entries = queue(server)
        return entries if len(entries) >= 6 * len(people) and not [e for e in entries if e["recipients"][0]["address"].startswith("dev@")] else None
    entries = serving.until(counted, 120) or []
    found = [e["recipients"][0]["address"] for e in entries]
    assert sorted(found) == sorted(people * 6), len(found)
    assert len({(e["recipients"][0]["address"], e["transaction"]) for e in entries}) == len(entries)
    assert len({e["sender"] for e in entries}) >= len(people)
    mail = list(Account(server, "alice").bodies().values())
    assert sorted(re.search(rb"Subject: (number \d)", m).group(1) for m in mail) == [b"number %d" % n for n in range(6)]


@pytest.mark.parametrize("running", [True, False])
def test_lists_are_made_and_changed_with_a_server_and_without(own_server, running):
    server = own_server(start=running)
    made = json.loads(server.cli("list", "add", "dev", "--owner", OWNER, "--name", "Developers", "--json").stdout)
    assert made["address"] == "dev@" + serving.DOMAIN and made["owners"] == [OWNER] and made["posters"] == "members"
    assert server.cli("list", "add", "dev", "--owner", OWNER, check=False).returncode == 73
    assert server.cli("account", "add", "dev-owner", "--password-stdin", stdin="correct horse 42 x\n", check=False).returncode == 73
    assert server.cli("list", "add", "dev2", check=False).returncode == 64
    changed = json.loads(server.cli("list", "set", "dev", "--posters", "owners", "--owner", "bob@x.example", "--owner", OWNER, "--json").stdout)
    assert changed["posters"] == "owners" and changed["owners"] == ["bob@x.example", OWNER] and changed["name"] == "Developers"
    assert json.loads(server.cli("list", "member", "add", "dev", "a@x.example", "b@x.example", "--json").stdout) == ["a@x.example", "b@x.example"]
    assert json.loads(server.cli("list", "member", "add", "dev", "A@X.example", "--json").stdout) == []
    assert server.cli("list", "member", "add", "dev", "dev@" + serving.DOMAIN, check=False).returncode == 65
    server.cli("list", "member", "suspend", "dev", "a@x.example")
    server.cli("list", "member", "moderate", "dev", "b@x.example")
    found = members(server)
    assert found["a@x.example"]["state"] == "suspended" and not found["b@x.example"]["mayPost"]
    server.cli("list", "member", "resume", "dev", "a@x.example")
    server.cli("list", "member", "trust", "dev", "b@x.example")
    assert all(m["state"] == "active" and m["mayPost"] for m in members(server).values())
    server.cli("list", "member", "remove", "dev", "b@x.example")
    assert list(members(server)) == ["a@x.example"]
    assert server.cli("list", "member", "remove", "dev", "b@x.example", check=False).returncode == 67
    assert "dev@%s\t1 members\tDevelopers" % serving.DOMAIN in server.cli("list", "list").stdout
    assert "owners:   bob@x.example" in server.cli("list", "show", "dev").stdout
    assert server.cli("domain", "remove", serving.DOMAIN, check=False).returncode == 73
    server.cli("list", "remove", "dev")
    assert server.cli("list", "show", "dev", check=False).returncode == 67
    assert json.loads(server.cli("list", "list", "--json").stdout) == []
