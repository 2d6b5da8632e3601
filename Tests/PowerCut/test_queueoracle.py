"""The oracle of the outgoing queue finds each fault that it is there to find."""
import os
import sys

import pytest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Interop"))

from oracle import Mail, Violation  # noqa: E402
from queueload import Letter  # noqa: E402
from queueoracle import Book, Life  # noqa: E402
from queuesink import Acceptance  # noqa: E402

TO, ALSO, NOBODY = "to0.n@one.example", "to1.n@two.example", "no2.n@one.example"
REPORT = """Content-Type: multipart/report; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
%(action)s\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; example.test\r
\r
Final-Recipient: rfc822; %(address)s\r
Action: %(action)s\r
\r
--b\r
Content-Type: text/rfc822-headers\r
\r
X-Cut: n\r
\r
--b--\r
"""


class Connection:
    def __init__(self, life):
        self.life = life


class Case:
    """A letter from a, held for `hold` seconds, to b here and to others, and what is known of it. It was asked for at 0, and the time is 100."""

    def __init__(self, *others, state=Mail.ANSWERED, here=(), hold=0, told=()):
        self.book = Book(["a", "b"], lambda name: name + "@example.test")
        self.book.lives = {1: Life(0), 2: Life(0)}
        self.letter = Letter("n", b"X-Cut: n\r\n\r\ntext\r\n", "a", list(here), list(others), set(told))
        self.letter.state, self.letter.hold, self.letter.asked = state, hold, 0
        self.book.add([self.letter])
        self.taken, self.lines = [], []

    def take(self, address, life=1, answered=True, committed=False, at=100, connection=None):
        a = Acceptance("n", address, self.letter.digest, connection or Connection(life), answered)
        a.committed, a.at = committed, at
        self.taken.append(a)
        return self

    def wait(self, phase="waiting", *addresses):
        self.lines = [{"recipientCount": len(addresses), "recipients": [{"address": a, "phase": phase} for a in addresses]}]
        return self

    def report(self, address, action):
        self.book.read("a", {self.book.seen["a"] + 1: (REPORT % {"address": address, "action": action}).encode()}, self.book.counted["a"] + 1, 100)
        return self

    def place(self, at=100):
        self.book.read("b", {self.book.seen["b"] + 1: b"X-Cut: n\r\n\r\ntext\r\n"}, self.book.counted["b"] + 1, at)
        return self

    def end(self, log="", well=False):
        self.book.lives[1].end(log, well)
        return self

    def check(self, is_drained=True):
        return self.book.check(self.lines, self.taken, [], is_drained)


LOG = "2026-11-29T12:00:00.000Z [INFO] Delivered attempt=1 host=127.0.0.1 id=x queue=1 recipient=%s reply=\"250 2.0.0 taken\"\n"

LAWFUL = {
    "taken": lambda: Case(TO, ALSO).take(TO).take(ALSO),
    "refused and told": lambda: Case(NOBODY).report(NOBODY, "failed"),
    "in the queue": lambda: Case(TO).wait("waiting", TO),
    "not answered, and nowhere": lambda: Case(TO, state=Mail.UNKNOWN, here=["b"]),
    "not answered, and everywhere": lambda: Case(TO, state=Mail.UNKNOWN, here=["b"]).take(TO).place(),
    "cancelled in time": lambda: cancelled(Case(TO, here=["b"], hold=4), 2.9),
    "cancelled late, and sent": lambda: cancelled(Case(TO, hold=4), 3.1).take(TO),
    "taken, and it ended well": lambda: Case(TO).take(TO).end(LOG % TO, well=True),
    "success told": lambda: Case(TO, told=[TO]).take(TO).report(TO, "relayed"),
}
REPEATED = {
    "no answer came": (lambda: Case(TO).take(TO, answered=False).take(TO), (1, 0, 0)),
    "it crashed": (lambda: Case(TO).take(TO).end().take(TO, life=2), (0, 1, 1)),
    "it crashed, and another was written down": (lambda: Case(TO).take(TO).end(LOG % ALSO).take(TO, life=2), (0, 1, 1)),
    "both": (lambda: Case(TO).take(TO, answered=False).take(TO).end().take(TO, life=2), (1, 1, 1)),
}
FAULTS = {
    "lost": ("is lost for", lambda: Case(TO, ALSO).take(TO)),
    "lost though the queue has it as delivered": ("nobody took it", lambda: Case(TO, ALSO).take(ALSO).wait("delivered", TO)),
    "lost here": ("is lost for", lambda: Case(TO, here=["b"]).take(TO)),
    "failure that nobody was told": ("is lost for", lambda: Case(NOBODY)),
    "success that nobody was told": ("report on it is lost", lambda: Case(TO, told=[TO]).take(TO)),
    "success told of what nobody took": ("says that it was relayed", lambda: Case(TO, told=[TO]).report(TO, "relayed").wait("waiting", TO)),
    "success told to who did not ask": ("says relayed", lambda: Case(TO).take(TO).report(TO, "relayed")),
    "failure told of who is there": ("says failed", lambda: Case(TO).report(TO, "failed")),
    "two reports": ("two reports", lambda: Case(NOBODY).report(NOBODY, "failed").report(NOBODY, "failed")),
    "twice here": ("twice", lambda: Case(TO, here=["b"]).take(TO).place().place()),
    "twice in the queue": ("in the queue twice", lambda: Case(TO).wait("waiting", TO, TO)),
    "not answered, and there for some": ("unanswered, is lost", lambda: Case(TO, ALSO, state=Mail.UNKNOWN).take(TO)),
    "refused, and sent": ("was brought to", lambda: Case(TO, state=Mail.REFUSED).take(TO)),
    "refused, and queued": ("was refused, and yet", lambda: Case(TO, state=Mail.REFUSED).wait("waiting", TO)),
    "sent too soon": ("brought 0.1 s too soon", lambda: Case(TO, hold=4).take(TO, at=2.9)),
    "placed too soon": ("came 0.1 s too soon", lambda: Case(TO, here=["b"], hold=4).take(TO).place(at=2.9)),
    "cancelled, and sent": ("was cancelled", lambda: cancelled(Case(TO, hold=4), 2.9).take(TO)),
    "cancelled, and placed": ("was cancelled", lambda: cancelled(Case(TO, here=["b"], hold=4), 2.9).place()),
    "cancelled, and waiting": ("was cancelled", lambda: cancelled(Case(TO, hold=4), 2.9).wait("waiting", TO)),
    "brought to who was refused": ("was brought to", lambda: Case(NOBODY).take(NOBODY).report(NOBODY, "failed")),
    "twice in one life": ("nothing explains", lambda: Case(TO).take(TO).take(TO)),
    "twice, and the connection went on": ("nothing explains", lambda: Case(TO).take(TO, committed=True).end().take(TO, life=2)),
    "twice, and it was logged": ("nothing explains", lambda: Case(TO).take(TO).end(LOG % TO).take(TO, life=2)),
    "twice, and it ended well": ("nothing explains", lambda: Case(TO).take(TO).end(LOG % TO, well=True).take(TO, life=2)),
    "ended well, and did not say so": ("did not say so", lambda: Case(TO).take(TO).end(LOG % ALSO, well=True)),
    "thrice, and one of them was logged": ("nothing explains", lambda: Case(TO).take(TO, answered=False).take(TO).end(LOG % TO).take(TO, life=2)),
}


def cancelled(case, at):
    case.letter.taken_back, case.letter.cancelled = True, at
    return case


@pytest.mark.parametrize("what", LAWFUL)
def test_what_may_be(what):
    assert LAWFUL[what]().check() == (0, 0, 0)


@pytest.mark.parametrize("what", REPEATED)
def test_what_may_be_sent_twice(what):
    make, counts = REPEATED[what]
    assert make().check() == counts


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_found(what):
    words, make = FAULTS[what]
    with pytest.raises(Violation, match=words):
        make().check()


def test_a_message_that_is_gone_from_a_mailbox_is_found():
    case = Case(TO, here=["b"]).take(TO).place()
    with pytest.raises(Violation, match="should have 1"):
        case.book.read("b", {}, 0, 100)


def test_one_connection_explains_two_messages():
    case, connection = Case(TO), Connection(1)
    case.take(TO, connection=connection).end().take(TO, life=2)
    for name, is_found in (("m", False), ("o", True)):
        other = "to0.%s@one.example" % name
        letter = Letter(name, b"X-Cut: %s\r\n\r\ntext\r\n" % name.encode(), "a", [], [other], set())
        letter.state, letter.asked = Mail.ANSWERED, 0
        case.book.add([letter])
        for a in (Acceptance(name, other, letter.digest, connection, True), Acceptance(name, other, letter.digest, Connection(2), True)):
            case.taken.append(a)
        if is_found:
            with pytest.raises(Violation, match="three messages"):
                case.check()
        else:
            case.check()
