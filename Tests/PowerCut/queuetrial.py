"""The outgoing queue through crashes: nothing that was answered is lost, and what is sent twice was under way."""
import os
import queue
import signal
import time

import control
from nameserver import NameServer
from oracle import Mail, Violation
from queueload import Canceller, Submitter
from queueoracle import Book, Life
from server import Server, until
from queuesink import Sink
from trial import FODDER, SETTINGS, Trial

USERS = ["q1", "q2", "q3", "q4"]
SUBMITTERS = 6
GRACE = 10  # seconds that a stop leaves to what is under way
MOMENTS = {"submitted": (20, 100), "taken": (5, 60), "answered": (5, 60), "refused": (1, 10), "swallowed": (1, 3)}  # and after how many of them


class MortalServer(Server):
    """Tells the sink and the book of its lives."""

    def __init__(self, sink, **named):
        super().__init__(**named)
        self.sink, self.book = sink, None

    def start_once(self, timeout):
        self.sink.life += 1
        self.book.lives[self.sink.life] = Life(os.path.getsize(self.log) if os.path.exists(self.log) else 0)
        super().start_once(timeout)
        until(lambda: control.is_open(self) or not self.alive(), timeout)
        return self

    def stop(self, timeout=300):
        began = time.monotonic()
        code = super().stop(timeout)
        self.note_end(code == 0 and time.monotonic() - began < GRACE)
        return code

    def kill(self):
        super().kill()
        self.note_end(False)

    def note_end(self, well):
        life = self.book.lives.get(self.sink.life)
        if life and not life.is_over:
            with open(self.log, "rb") as f:
                f.seek(life.since)
                life.end(f.read().decode("utf-8", "replace"), well)


class QueueTrial(Trial):
    DRAIN = 5  # after so many rounds the queue must become empty

    def make_server(self):
        self.sink = Sink(self.chance.random())
        self.names = NameServer().__enter__()
        server = MortalServer(self.sink, settings={
            **SETTINGS, **self.names.settings, **self.sink.routes, "outbound.enabled": True, "outbound.retry-first": 1, "outbound.retry-longest": 2,
            "outbound.connections-per-site": 8, "outbound.delay-notice": 0})
        return server.make(*USERS, FODDER)

    def prepare(self):
        """There is nothing to prepare."""

    def forget(self):
        self.sink.wait_until_left(self.sink.life)
        self.sink.forget()
        self.book = self.server.book = Book(USERS, self.server.address)

    # -- a round --------------------------------------------------------------------------------------------------------

    def play(self):
        # In some rounds whatever users send may be taken back for a while.
        self.hold = 3 if self.round % 4 == 2 else 0
        self.server.extra = {**self.server.extra, "MARTLET_OUTBOUND_HOLD": str(self.hold)}
        return super().play()

    def workers(self):
        regrets = queue.Queue()
        workers = []
        for i in range(SUBMITTERS):
            label, sender = "r%dq%d" % (self.round, i), USERS[i % len(USERS)]
            workers.append(Submitter(self.server, label, sender, USERS, self.chance.random(), self.sink, self.hold, regrets))
        return workers + [Canceller(self.server, regrets)]

    def wait_for_the_moment(self):
        what = "submitted" if self.hold else self.chance.choice(list(MOMENTS))
        action = None
        if self.recorder:
            within = self.chance.choice([3, 10, 40])

            def action():
                self.fail_power(within)

        elif self.ending == "kill" and self.chance.random() < 0.5:

            def action():
                self.server.process.send_signal(signal.SIGKILL)

        sprung = self.sink.arm(what, self.chance.randint(*MOMENTS[what]), action)
        if not sprung.wait(120):
            raise Violation("within two minutes too little was %s: %s" % (what, self.sink.counts))

    # -- afterwards -----------------------------------------------------------------------------------------------------

    def judge(self, workers):
        self.sink.wait_until_left(self.sink.life - 1)
        letters = [m for w in workers if isinstance(w, Submitter) for m in w.mails]
        self.book.add(letters)
        if self.round % self.DRAIN == 0:
            self.drain()
        else:
            self.look()
        self.leave_fodder()
        return "%d messages answered, %d not" % (sum(m.must_be_there() for m in letters), sum(not m.must_be_there() for m in letters))

    def drain(self):
        """Until the queue is empty."""
        self.sink.is_kind = True
        if not until(lambda: not list(control.queue(self.server)), 180):
            raise Violation("the queue does not become empty: %s" % list(control.queue(self.server))[:3])
        self.look(is_drained=True)
        self.sink.is_kind = False

    def look(self, is_drained=False):
        lines = list(control.queue(self.server))
        for name in USERS:
            with self.login(name) as imap:
                imap.select("INBOX", "EXAMINE")
                known = self.book.seen[name]
                # The last message is always among them. How many there are its number says: mail goes on coming, and a count of before would not fit.
                found = imap.fetched(imap.command("UID FETCH %d:* (UID BODY.PEEK[])" % (known + 1))[1])
                new = {int(m["UID"]): m["BODY[]"] for m in found.values() if int(m["UID"]) > known}
                self.book.read(name, new, max(found, default=0), time.monotonic())
        self.duplicates = self.book.check(lines, list(self.sink.taken), self.sink.wrong, is_drained)

    def finish(self):
        if self.recorder:
            self.recorder.begin()
        self.server.start()
        self.drain()
        self.server.stop()
        letters = self.book.letters.values()
        answered = [m for m in letters if m.state == Mail.ANSWERED]
        lost, crashed, most = self.duplicates
        counts = self.sink.counts
        return ("%d messages submitted, %d answered, to %d recipients elsewhere and %d here; %d had to wait, of these %d were cancelled; elsewhere "
                "taken %d times, refused for good %d times; %d failures reported, %d successes; lost: none; sent again: %d for an answer that was "
                "lost, %d for a crash (%d messages at most at one), none unexplained" % (
                    len(letters), len(answered), sum(len(m.others) for m in answered), sum(len(m.recipients) for m in answered),
                    sum(m.hold > 0 for m in answered), sum(m.is_cancelled() for m in answered), len(self.sink.taken), counts.get("refused", 0),
                    sum(action == "failed" for _, action in self.book.reports), sum(action == "relayed" for _, action in self.book.reports),
                    lost, crashed, most))

    def end(self, keep):
        super().end(keep)
        self.sink.close()
        self.names.__exit__()
