"""Other servers that refuse, lie, break off and talk nonsense: nothing that users wrote is lost, nor comes twice if it need not, and ours lives on.

Every case is a domain with a server of its own, whose first connections misbehave and whose later ones do not. One server of ours sends to all of
them at once.
"""
import email
import json
import threading
from dataclasses import dataclass, field

import pytest
import server as serving
from conftest import Account
from peers import certificate
from sink import PLAIN, Sink, cut, drip, flood, handshake, leave, read_on, reset
from wire import SMTP

pytestmark = pytest.mark.own
MB = 1 << 20
TLS = PLAIN + ("STARTTLS",)
CHUNKS = PLAIN + ("CHUNKING",)
LARGE = 700_000
FIVE = ("one", "two", "three", "four", "five")


@dataclass
class Case:
    """`misdeeds` as in `Sink`. What is to come of it: so many `copies` of each message with its end, so many answered with 2xx, and what is told to
    the sender of each recipient that is `returned`."""
    name: str
    misdeeds: list
    offers: tuple = PLAIN
    copies: int = 1
    accepted: int = 1
    #: By the local part.
    returned: dict = field(default_factory=dict)
    recipients: tuple = ("one", "two")
    messages: int = 1
    size: int = 1000
    #: As in `Sink`.
    most: tuple | None = None
    #: Connections, where their number is known.
    connections: int | None = None

    def expected(self, recipient):
        """How many copies of all messages with their end came to a recipient, and how many of them were answered with 2xx."""
        if recipient in self.returned and self.accepted:
            return 0, 0
        return self.copies * self.messages, self.accepted * self.messages


def later(name, *misdeeds, **named):
    """Nothing got through, and the next connection brings it."""
    return Case(name, [dict(misdeeds)] if misdeeds else [], **{"connections": 2, **named})


def fine(name, *misdeeds, **named):
    """Odd, but clear."""
    return Case(name, [dict(misdeeds)], **{"connections": 1, **named})


def returned(name, *misdeeds, words, **named):
    """A refusal of all recipients for good."""
    recipients = named.get("recipients", ("one", "two"))
    return Case(name, [dict(misdeeds)], accepted=0, returned={r: words for r in recipients}, **{"copies": 0, "connections": 1, **named})


def twice(name, *misdeeds, **named):
    """The text came, and its answer did not: it may have arrived, so it comes again."""
    return Case(name, [dict(misdeeds)], copies=2, **{"accepted": 1, "connections": 2, **named})


SIGN_OFF = (b"421 4.3.2 going down\r\n", cut)
THOUSAND = b"".join(b"%%d-%d of a thousand\r\n" % n for n in range(999)) + b"%d the last\r\n"


def thousand(code):
    return THOUSAND.replace(b"%d", b"%d" % code)


ODD = {
    "cut": cut, "reset": reset, "000": b"000 nothing\r\n", "999": b"999 more\r\n", "199": b"199 less\r\n", "no number": b"OK then\r\n",
    "HTTP": b"HTTP/1.1 200 OK\r\n\r\n", "octets": bytes(range(256)), "NUL": b"\0" * 600 + b"\r\n", "two codes": b"250-yes\r\n550 no\r\n",
    "20 MB of a line": flood(b"2" * 65536), "lines without end": flood(b"220-still talking\r\n" * 4000),
    "1,001 lines": b"250-x\r\n" + thousand(250),
}
STAGES = {"greeting": ["cut", "reset", "000", "999", "HTTP", "octets", "20 MB of a line", "lines without end", "1,001 lines"],
          "EHLO": ["cut", "reset", "000", "two codes", "NUL", "20 MB of a line", "lines without end"],
          "MAIL": ["cut", "reset", "999", "199", "no number", "two codes", "20 MB of a line"],
          "RCPT": ["cut", "000", "two codes", "octets", "lines without end"],
          "DATA": ["cut", "reset", "000", "octets", "20 MB of a line"]}

CASES = [
    # No answer, or one that is none.
    *[later("%s: %s" % (stage, kind), (stage, ODD[kind])) for stage, kinds in STAGES.items() for kind in kinds],
    *[twice("end: %s" % kind, (".", ODD[kind])) for kind in [
        "cut", "reset", "000", "999", "no number", "octets", "two codes", "20 MB of a line", "lines without end"]],
    twice("end: half an answer", (".", (b"25", cut))),
    twice("end: 354", (".", b"354 more\r\n")),
    # Goodbye, at each stage.
    *[later("421: %s" % stage, (stage, SIGN_OFF), offers=offers) for stage, offers in [
        ("greeting", PLAIN), ("EHLO", PLAIN), ("STARTTLS", TLS), ("MAIL", PLAIN), ("RCPT", PLAIN), ("DATA", PLAIN)]],
    later("421: text", ("text", SIGN_OFF), size=LARGE),
    later("421: chunk", ("BDAT", SIGN_OFF), offers=CHUNKS, size=LARGE),
    twice("421: end", (".", SIGN_OFF)),
    fine("421: while it is idle", (".", (b"250 2.0.0 taken\r\n421 4.4.2 too slow\r\n", cut)), messages=3, connections=None),
    # Not now: on the same connection, which is kept for a while.
    later("greeting: 450", ("greeting", b"450 4.3.2 busy\r\n")),
    later("EHLO: 451", ("EHLO", b"451 4.3.0 no\r\n")),
    fine("MAIL: 451", ("MAIL", [b"451 4.3.0 no\r\n"])),
    fine("RCPT: 450", ("RCPT", [b"450 4.2.1 grey\r\n"] * 2)),
    fine("RCPT: 450 to one of two", ("RCPT two", [b"450 4.2.1 grey\r\n"])),
    fine("DATA: 451", ("DATA", [b"451 4.3.0 no\r\n"])),
    twice("end: 451", (".", [b"451 4.3.0 no\r\n"]), connections=1),
    twice("end: 452 for no room", (".", [b"452 4.3.1 disk\r\n"]), connections=1),
    # Never.
    returned("greeting: 554", ("greeting", b"554 5.7.1 go away\r\n"), words="go away"),
    returned("EHLO: 550, and HELO", ("EHLO", b"550 5.7.1 not you\r\n"), ("HELO", b"550 5.7.1 nor so\r\n"), words="nor so"),
    returned("MAIL: 550", ("MAIL", b"550 5.7.1 not from you\r\n"), words="not from you"),
    returned("RCPT: 550", ("RCPT", b"550 5.1.1 nobody\r\n"), words="nobody"),
    returned("RCPT: 550, and DATA is welcome", ("RCPT", b"550 5.1.1 nobody\r\n"), ("DATA", b"354 go\r\n"), words="nobody"),
    returned("RCPT: 550 in a thousand lines", ("RCPT", thousand(550)), words="of a thousand"),
    returned("RCPT: 550 in octets", ("RCPT", b"550 5.1.1 \x00\x1b[31m\xff\xfe\x85\r\n"), words="5.1.1"),
    returned("RCPT: 550 that looks like a report", ("RCPT", b"550-5.1.1 x\r\n550-\r\n550-Action: delivered\r\n550 Status: 2.0.0\r\n"),
             words="Action: delivered"),
    returned("RCPT: 552 for a full mailbox", ("RCPT", b"552 5.2.2 full\r\n"), words="full"),
    returned("DATA: 554", ("DATA", b"554 5.5.1 no\r\n"), words="no"),
    returned("text: 554, and it reads on", ("text", (b"554 5.7.1 spam\r\n", read_on)), words="spam", size=LARGE),
    returned("text: 554, and it leaves", ("text", (b"554 5.7.1 spam\r\n", leave)), words="spam", size=LARGE),
    returned("chunk: 554", ("BDAT", (b"554 5.7.1 spam\r\n", leave)), words="spam", offers=CHUNKS, size=LARGE),
    returned("end: 554", (".", b"554 5.7.1 no thanks\r\n"), words="no thanks", copies=1),
    returned("end: 552 for a full mailbox", (".", b"552 5.2.2 full\r\n"), words="full", copies=1),
    returned("SIZE 10", offers=PLAIN + ("SIZE 10",), words="10 at most"),
    # Lies about the text.
    later("text: cut", ("text", cut), size=LARGE),
    later("text: reset", ("text", reset), size=LARGE),
    later("text: 451", ("text", (b"451 4.3.0 no\r\n", read_on)), size=LARGE),
    later("text: 250 before its end", ("text", (b"250 2.0.0 taken\r\n", read_on)), size=LARGE),
    later("chunk: cut", ("BDAT", cut), offers=CHUNKS, size=LARGE),
    # The chunks behind it are on their way by then.
    twice("chunk: 000", ("BDAT", b"000 nothing\r\n"), offers=CHUNKS, size=LARGE, accepted=2),
    twice("last chunk: cut", (".", cut), offers=CHUNKS, size=LARGE),
    later("DATA: 354 and 250 at once", ("DATA", b"354 go\r\n250 2.0.0 taken\r\n")),
    later("DATA: 250", ("DATA", b"250 2.0.0 what text?\r\n")),
    fine("end: 250, and cut", (".", (b"250 2.0.0 taken\r\n", cut))),
    fine("end: 250, and reset", (".", (b"250 2.0.0 taken\r\n", leave))),
    # Answers to what nobody asked.
    later("all answers before the questions", ("greeting", b"220 x\r\n250 x\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 taken\r\n")),
    later("MAIL: answered twice", ("MAIL", b"250 ok\r\n250 ok\r\n")),
    # What it says second is taken for the answer to the next recipient, who is told so.
    later("RCPT: answered twice", ("RCPT one", b"250 ok\r\n550 5.1.1 no\r\n"), returned={"two": "no"}),
    fine("end: answered twice", (".", b"250 2.0.0 taken\r\n250 2.0.0 taken\r\n"), messages=3, connections=None),
    fine("end: answered twice, and not alike", (".", b"250 2.0.0 taken\r\n554 5.7.1 no\r\n"), messages=3, connections=None),
    later("MAIL: 354", ("MAIL", b"354 go\r\n")),
    later("RCPT: 354", ("RCPT", b"354 go\r\n")),
    # TLS that is offered and fails: in clear, on another connection.
    fine("STARTTLS: 454", ("STARTTLS", b"454 4.7.0 not now\r\n"), offers=TLS),
    fine("STARTTLS: 502", ("STARTTLS", b"502 5.5.1 what?\r\n"), offers=TLS),
    later("STARTTLS: 250", ("STARTTLS", b"250 2.0.0 hm\r\n"), offers=TLS),
    later("STARTTLS: cut", ("STARTTLS", cut), offers=TLS, connections=None),
    *[later("handshake: %s" % name, ("handshake", (what, cut)), offers=TLS) for name, what in [
        ("garbage", b"\x16\x03\x03" + bytes(range(256)) * 4), ("words", b"250 2.0.0 go on in clear\r\n"),
        ("an alert", b"\x15\x03\x03\x00\x02\x02\x28"), ("cut", cut), ("reset", reset)]],
    later("handshake: cut behind it", ("secured", cut), offers=TLS),
    fine("STARTTLS: an answer in clear before TLS", ("STARTTLS", (b"220 2.0.0 go\r\n250 injected\r\n", handshake)), offers=TLS, connections=None),
    fine("TLS", offers=TLS),
    # Odd, but clear.
    fine("dripped", ("greeting", drip(b"220 sink.example\r\n")), ("MAIL", drip(b"250 ok\r\n")), ("RCPT", drip(b"250-2.1.5 o\r\n250 2.1.5 k\r\n")),
         ("DATA", drip(b"354 go\r\n")), (".", drip(b"250 2.0.0 taken\r\n"))),
    fine("bare LF", ("greeting", b"220-sink\n220 example\n"), ("EHLO", b"250-sink.example\n250 8BITMIME\n"), ("MAIL", b"250 ok\n"),
         ("RCPT", b"250 ok\n"), ("DATA", b"354 go\n"), (".", b"250 ok\n")),
    fine("codes without words", ("greeting", b"220\r\n"), ("EHLO", b"250\r\n"), ("MAIL", b"250\r\n"), ("RCPT", b"251\r\n"), ("DATA", b"354\r\n"),
         (".", b"250\r\n")),
    fine("a thousand lines", ("greeting", thousand(220)), ("EHLO", thousand(250)), ("MAIL", thousand(250)), ("RCPT", thousand(250)),
         ("DATA", thousand(354)), (".", thousand(250))),
    fine("octets behind good codes", ("greeting", b"220 \xff\x00\x07\r\n"), (".", b"250 \x1b[2J\xfe\r\n"),
         ("EHLO", b"250-\xc3\r\n250-SIZE 99999999999999999999999\r\n250-LIMITS RCPTMAX=0 MAILMAX=-1\r\n250 \xf0\x9f\x90\xa6=\r\n")),
    fine("EHLO: 502, and HELO", ("EHLO", b"502 5.5.1 what?\r\n")),
    fine("QUIT: 10 MB", ("QUIT", flood(b"x" * 65536))),
    # Some of the recipients.
    Case("RCPT: one never, one not now", [{"RCPT two": b"550 5.1.1 nobody\r\n", "RCPT three": [b"450 4.2.1 grey\r\n"]}], recipients=FIVE,
         returned={"two": "nobody"}, connections=1),
    fine("RCPT: 552 to the third", recipients=FIVE, most=(2, b"552 too many recipients\r\n")),
    fine("RCPT: 452 to the third", recipients=FIVE, most=(2, b"452 4.5.3 too many\r\n")),
    fine("LIMITS RCPTMAX=1", offers=PLAIN + ("LIMITS RCPTMAX=1 MAILMAX=2",), recipients=FIVE, connections=None),
]
IDS = [case.name for case in CASES]


class Outcome:
    """All cases, sent to and settled."""

    def __init__(self):
        self.sinks = [Sink(*case.misdeeds, offers=case.offers, most=case.most, certificate=certificate()) for case in CASES]
        self.server = serving.Server({
            "outbound.enabled": True, "outbound.retry-first": 1, "outbound.retry-longest": 1,
            "outbound.routes": ['"s%d 127.0.0.1:%d private"' % (n, sink.port) for n, sink in enumerate(self.sinks)],
            "outbound.destinations": ["s%d %s" % (n, domain(n)) for n in range(len(CASES))]})

    def run(self):
        self.server.make("postmaster", "alice").start()
        idle = self.server.counts.watch()
        sender = self.server.address("alice")
        with SMTP(self.server.host, self.server.port("submissions"), tls=True) as smtp:
            assert smtp.auth_plain(sender, self.server.passwords["alice"])[0] == 235
            for number, case in enumerate(CASES):
                for message in range(case.messages):
                    code, said = smtp.deliver(sender, ["%s@%s" % (r, domain(number)) for r in case.recipients], text(number, message, case.size))
                    assert code == 250, said
        serving.until(lambda: self.queue() == [], 240)
        self.grown = self.server.counts.peak - idle
        self.left = self.queue()
        self.reports = [email.message_from_bytes(text) for text in Account(self.server, "alice").bodies().values()]
        return self

    def queue(self):
        return json.loads(self.server.cli("queue", "list", "--json").stdout)

    def told(self, number):
        """{local part: what the reports say of it}; each once."""
        found = {}
        for report in self.reports:
            for part in report.get_payload(1).get_payload()[1:]:
                name, at = part["Final-Recipient"].split(";")[1].strip().split("@")
                if at == domain(number):
                    assert name not in found, "told twice"
                    assert part["Action"] == "failed", part.as_string()
                    found[name] = part
        return found

    def remove(self):
        self.server.remove()
        for sink in self.sinks:
            sink.close()


def domain(number):
    return "s%d.example" % number


def text(case, message, size):
    lines = b"Subject: case %d message %d\r\n\r\n" % (case, message)
    return lines + b"".join(b".A wren, number %d.\r\n" % n for n in range(1 + size // 22))


@pytest.fixture(scope="module")
def outcome():
    made = Outcome()
    try:
        yield made.run()
    finally:
        made.remove()


@pytest.mark.parametrize("number", range(len(CASES)), ids=IDS)
def test_nothing_is_lost_and_nothing_comes_twice_that_need_not(outcome, number):
    case, sink = CASES[number], outcome.sinks[number]
    left = [entry for entry in outcome.left if entry["recipients"][0]["address"].endswith("@" + domain(number))]
    assert left == []
    told = outcome.told(number)
    assert set(told) == set(case.returned)
    for name, words in case.returned.items():
        said = told[name].get("Diagnostic-Code", "")
        assert words in said, told[name].as_string()
        assert all(c.isprintable() or c in "\r\n" for c in said), said
    for name in case.recipients:
        assert (sink.copies(name), sink.accepted(name)) == case.expected(name), sink.commands
    # Each text that came to its end is the one that was written.
    assert all(t.data.count(b"\r\n.A wren") == t.data.count(b"A wren") and (case.size < LARGE or len(t.data) >= LARGE) for t in sink.texts)
    if case.connections is not None:
        assert sink.connections == case.connections, sink.commands


def test_memory_and_log_are_bounded_and_the_server_serves_on(outcome):
    # Several of them sent 20 MB, or would have.
    assert outcome.grown <= 32 * MB, outcome.grown
    log = outcome.server.log_text()
    assert len(log) < 4 * MB and all(c == "\n" or c.isprintable() for c in log), [c for c in log if not c.isprintable() and c != "\n"][:10]
    sender = outcome.server.address("alice")
    with SMTP(outcome.server.host, outcome.server.port("smtp")) as smtp:
        assert smtp.deliver("bob@other.example", [sender], b"Subject: still there?\r\n\r\n")[0] == 250
    assert outcome.server.stop() == 0


# -- a server of ours for each ---------------------------------------------------------------------------------------------


@pytest.fixture
def alone(request):
    """A server with a user, whose mail for `NAME.example` goes to the sink of that name; words behind it are more of its route."""
    made = []

    def make(sinks, settings=None, **more):
        server = serving.Server({
            "outbound.enabled": True, "outbound.retry-first": 1, "outbound.retry-longest": 1,
            "outbound.destinations": ["%s %s.example" % (n, n) for n in sinks],
            "outbound.routes": ['"%s 127.0.0.1:%d private %s"' % (n, sink.port, more.get(n, "")) for n, sink in sinks.items()], **(settings or {})})
        made.extend([server, *sinks.values()])
        with open(server.top + "/password", "w") as f:
            f.write("sesame\n")
        server.settings["outbound.routes"] = [r.replace("PASSWORD", server.top + "/password") for r in server.settings["outbound.routes"]]
        server.write_configuration()
        return server.make("postmaster", "alice").start()

    yield make
    for thing in made:
        thing.remove() if isinstance(thing, serving.Server) else thing.close()


def submit(server, *recipients, data=b"Subject: wren\r\n\r\nA wren.\r\n"):
    sender = server.address("alice")
    with SMTP(server.host, server.port("submissions"), tls=True) as smtp:
        assert smtp.auth_plain(sender, server.passwords["alice"])[0] == 235
        code, said = smtp.deliver(sender, recipients, data)
        assert code == 250, said


def queued(server):
    return json.loads(server.cli("queue", "list", "--json").stdout)


def test_what_nobody_takes_in_time_comes_back_and_its_delay_is_told_before(alone):
    busy, bare, gone = Sink(*[{"MAIL": b"451 4.3.0 not now\r\n"}] * 100), Sink(), Sink()
    login = Sink(*[{"AUTH": b"535 5.7.8 who?\r\n"}] * 100, offers=PLAIN + ("AUTH PLAIN",))
    server = alone({"busy": busy, "login": login, "bare": bare, "gone": gone}, {"outbound.lifetime": 5, "outbound.delay-notice": 1},
                   login="user=me password-file=PASSWORD tls=never", bare="tls=required")
    gone.close()
    submit(server, *("bea@%s.example" % name for name in ("busy", "login", "bare", "gone")))
    assert serving.until(lambda: queued(server) == [], 120)
    told = {"delayed": {}, "failed": {}}
    for text in Account(server, "alice").bodies().values():
        for part in email.message_from_bytes(text).get_payload(1).get_payload()[1:]:
            name = part["Final-Recipient"].split("@")[1].split(".")[0]
            assert name not in told[part["Action"]], "told twice"
            told[part["Action"]][name] = part
    assert set(told["delayed"]) == set(told["failed"]) == {"busy", "login", "bare", "gone"}
    # What the last try came to, or that the time was over while no try was due: a failed login is no refusal of the recipient.
    assert told["failed"]["busy"]["Status"] == "4.3.0" and "451 4.3.0 not now" in told["failed"]["busy"]["Diagnostic-Code"]
    assert all(told["failed"][name]["Status"] in ("4.4.1", "4.4.7") for name in ("login", "gone"))
    # Without the TLS that its route demands.
    assert told["failed"]["bare"]["Status"] in ("4.7.5", "4.4.7")
    # What demands TLS, or a login, says nothing of the message without.
    assert all("MAIL" not in line for sink in (login, bare) for _, line in sink.commands)


def test_a_stop_while_a_server_owes_an_answer_loses_nothing(alone):
    slow = Sink({".": read_on})
    server = alone({"slow": slow})
    submit(server, "bea@slow.example")
    assert serving.until(lambda: slow.texts, 30)
    assert server.stop() == 0
    # It may have arrived: nobody knows, and it comes again.
    server.start()
    assert serving.until(lambda: queued(server) == [], 120) and slow.copies("bea") == 2 and slow.accepted("bea") == 1


def test_a_kill_in_the_midst_of_a_text_loses_nothing(alone):
    begun = threading.Event()
    slow = Sink({"text": lambda link: begun.set() or read_on(link)})
    server = alone({"slow": slow})
    submit(server, "bea@slow.example", data=text(0, 0, LARGE))
    assert begun.wait(30)
    server.kill()
    server.start()
    assert serving.until(lambda: queued(server) == [], 120) and slow.copies("bea") == slow.accepted("bea") == 1
