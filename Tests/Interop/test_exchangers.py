"""Mail goes to the servers that DNS names, on port 25: which of them, and what becomes of it where there is none. RFC 5321 §5.1, RFC 7505."""
import email
import json

import pytest
import server as serving
from conftest import Account
from nameserver import NameServer
from networks import Networks, needed
from sink import Sink
from wire import SMTP

pytestmark = [pytest.mark.own, needed]

OURS, GOOD, DEAD, BEST = "11.0.0.1", "11.0.0.2", "11.0.0.3", "11.0.0.4"
RECORDS = {
    # The better server does not answer.
    ("second.example", "MX"): [(20, "good.example"), (10, "dead.example")],
    # Equals behind the best.
    ("best.example", "MX"): [(20, "good.example"), (5, "best.mx.example"), (20, "dead.example")],
    # A domain without any MX is its own.
    ("implicit.example", "A"): [GOOD],
    # A name that is another's, as many have it, though they should not.
    ("alias.example", "MX"): [(10, "other-name.example")], ("other-name.example", "CNAME"): ["good.example"],
    # IPv6 that leads nowhere.
    ("six.example", "MX"): [(10, "six.mx.example")], ("six.mx.example", "AAAA"): ["2a00:1::9"], ("six.mx.example", "A"): [GOOD],
    # One host that nobody knows, and one that is good.
    ("half.example", "MX"): [(10, "unknown.example"), (20, "good.example")],
    # It takes no mail.
    ("null.example", "MX"): [(0, ".")],
    # To ourselves, in several ways.
    ("loopback.example", "MX"): [(10, "localhost.mx.example")], ("localhost.mx.example", "A"): ["127.0.0.1"],
    ("private.example", "MX"): [(10, "private.mx.example")], ("private.mx.example", "A"): ["10.0.0.1"],
    ("own.example", "MX"): [(10, "own.mx.example"), (20, "good.example")], ("own.mx.example", "A"): [OURS],
    ("literal.example", "MX"): [(10, "127.0.0.1")],
    ("named.example", "MX"): [(10, "mail.example.test")], ("mail.example.test", "A"): [GOOD],
    # We are its second server: the better one is asked, and in `own.example` nobody is, since none is better.
    ("backup.example", "MX"): [(10, "good.example"), (20, "own.mx.example")],
    ("silent.example", "MX"): [(10, "good.example")],
    ("good.example", "A"): [GOOD], ("dead.example", "A"): [DEAD], ("best.mx.example", "A"): [BEST],
}
#: Where it comes to: a server's address, or the status of the report on it, or that it waits.
EXPECTED = {
    "second.example": GOOD, "best.example": BEST, "implicit.example": GOOD, "alias.example": GOOD, "six.example": GOOD, "half.example": GOOD,
    "[%s]" % GOOD: GOOD, "backup.example": GOOD,
    "null.example": "5.1.10", "nothere.example": "5.1.2", "loopback.example": "5.4.4", "private.example": "5.4.4", "literal.example": "5.4.4",
    "own.example": "5.4.6", "named.example": "5.4.6", "silent.example": "waiting",
}


class World:
    def __init__(self):
        self.networks = Networks([OURS + "/24", "10.0.0.1/24"], [address + "/24" for address in (GOOD, DEAD, BEST)])
        with self.networks.there():
            self.sinks = {address: Sink(place=(address, 25)) for address in (GOOD, BEST)}
        with self.networks.here():
            # Whoever is sent to this machine finds somebody.
            self.traps = [Sink(place=(address, 25)) for address in ("127.0.0.1", "10.0.0.1", OURS)]
            self.names = NameServer(RECORDS)
            self.names.__enter__()
            self.names.silent.add("silent.example")
            self.server = serving.Server({
                "outbound.enabled": True, "outbound.retry-first": 1, "outbound.retry-longest": 1, "outbound.own-addresses": [OURS],
                "hostname": "mail.example.test", **self.names.settings})
            self.server.make("postmaster", "alice").start()
            sender = self.server.address("alice")
            with SMTP(self.server.host, self.server.port("submissions"), tls=True) as smtp:
                assert smtp.auth_plain(sender, self.server.passwords["alice"])[0] == 235
                for name in EXPECTED:
                    code, said = smtp.deliver(sender, ["bea@" + name], b"Subject: x\r\n\r\nA wren.\r\n")
                    assert code == 250, (name, said)
            serving.until(lambda: [e["recipients"][0]["address"] for e in self.queue()] == ["bea@silent.example"], 120)
            self.left = {e["recipients"][0]["address"].split("@")[1]: e["recipients"][0] for e in self.queue()}
            self.reports = [email.message_from_bytes(text) for text in Account(self.server, "alice").bodies().values()]

    def queue(self):
        return json.loads(self.server.cli("queue", "list", "--json").stdout)

    def remove(self):
        self.server.remove()
        self.names.__exit__(None, None, None)
        for sink in [*self.sinks.values(), *self.traps]:
            sink.close()
        self.networks.remove()


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.mark.parametrize("name", EXPECTED)
def test_where_mail_for_a_domain_goes(world, name):
    came = {address: [t for t in sink.texts if t.recipients == ["bea@" + name]] for address, sink in world.sinks.items()}
    told = [part for report in world.reports for part in report.get_payload(1).get_payload()[1:] if part["Final-Recipient"].endswith("@" + name)]
    expected = EXPECTED[name]
    if expected in world.sinks:
        assert {address: len(texts) for address, texts in came.items() if texts} == {expected: 1}
    else:
        assert not any(came.values())
    assert [part["Status"] for part in told] == ([expected] if expected.startswith("5.") else []), [p.as_string() for p in told]
    assert (name in world.left) == (expected == "waiting"), world.left
    # Nothing that DNS says makes us speak to this machine.
    assert all(trap.connections == 0 for trap in world.traps)
