#!/usr/bin/env python3
"""Cuts the power under load, again and again, and checks that every promise was kept.

    powercut.py [--rounds 20] [--kills 10] [--seed N] [--senders 16] [--only cut|kill|term|stop|unsynced] [--keep]

cut        the real server under the shim (shim.c): 16 SMTP senders, 4 IMAP writers, a watching client; it is killed at a random operation,
           a random part of what no sync covers is undone (cut.py), it starts again, and all that clients were told must be true (oracle.py)
kill       the same by plain kill -9, nothing undone
term       the same by SIGTERM: it ends with 0 in good order
stop       it is stopped (SIGSTOP) and continued under load, several times; the last time it is killed as it stands
unsynced   the same with all syncs switched off: this must be found out, or the test is worth nothing

In every second round, and in all of `term` and `stop`, the store is compacted all the time. Exit status 0 when all came out as they should.
MARTLET_BIN names the program.
"""
import argparse
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "Interop")]

import cut  # noqa: E402
from compactor import Compactor  # noqa: E402
from load import Sender, Watcher, Writer, cut_name, message  # noqa: E402
from oracle import Drawer, Inbox, Violation, bare, digest  # noqa: E402
from server import Server, StartFailed  # noqa: E402
from wire import IMAP, Refused  # noqa: E402

INBOXES = ["s1", "s2", "s3", "s4"]
DRAWERS = ["w1", "w2", "w3", "w4"]
FODDER = "x1"  # whose mail goes, so that there is something to compact


class Trial:
    """One server's life through many crashes, or whatever else ends it."""

    def __init__(self, seed, senders, library=None, synced=True, ending="kill"):
        self.chance, self.senders, self.synced, self.ending = random.Random(seed), senders, synced, ending
        self.server = Server(settings={"limits.free-floor": 0, "logging.level": "info", "store.compaction-interval": 1})
        self.server.make(*INBOXES, *DRAWERS, FODDER)
        self.inboxes = {n: Inbox(n) for n in INBOXES}
        self.drawers = {n: Drawer(n, ["A", "B"]) for n in DRAWERS}
        self.recorder = None
        self.round = self.compactions = 0
        self.start_and_prepare()
        if library:
            top = os.path.join(self.server.top, "powercut")
            os.mkdir(top)
            self.recorder = cut.Recorder(library, self.server.data, top)
            self.server.preload = library
            self.server.extra = self.recorder.environment()

    def start_and_prepare(self):
        self.server.start()
        for name in DRAWERS:
            with self.login(name) as imap:
                for mailbox in ("A", "B"):
                    imap.command("CREATE " + mailbox)
        self.leave_fodder()
        self.server.stop()

    def leave_fodder(self):
        """Bodies of which every other is dead, for the next round to compact."""
        with self.login(FODDER) as imap:
            for _ in range(20):
                imap.command("APPEND INBOX ", message("fodder", self.chance))
            numbers = range(1, imap.select("INBOX")["EXISTS"] + 1, 2)
            imap.command("STORE %s +FLAGS.SILENT (\\Deleted)" % ",".join(map(str, numbers)))
            imap.command("EXPUNGE")

    def login(self, name):
        imap = IMAP(self.server.host, self.server.port("imaps"), tls=True, timeout=60)
        imap.login(self.server.address(name), self.server.passwords[name])
        return imap

    # -- a round --------------------------------------------------------------------------------------------------------

    def play(self):
        """Load, crash, cut, restart, verify. What was done, in a line."""
        self.round += 1
        if self.recorder:
            self.recorder.begin(snapshot=self.round == 1)
            self.recorder.control.set(sync_off=0 if self.synced else 1, sync_delay_us=self.chance.choice([0, 0, 3000, 20000]))
        self.server.start()
        workers = self.load()
        told = []
        if self.recorder and self.round == 1:
            self.recorder.roll_back()
            return self.begin_anew()
        if self.recorder:
            told.append(self.recorder.cut(self.chance))
            if self.chance.random() < 0.3:
                told.append(self.crash_in_recovery())
            self.recorder.begin()
        self.server.start()
        mails = {m.name: m for w in workers if isinstance(w, Sender) for m in w.mails}
        for w in workers:
            if w.failure:
                raise w.failure
        self.verify(mails)
        self.tidy()
        self.server.stop()
        self.compactions = self.server.log_text().count("Compacted")
        answered = sum(m.must_be_there() for m in mails.values())
        asked, moved = (sum(n) for n in zip((0, 0), *((w.asked, w.moved) for w in workers if isinstance(w, Compactor))))
        return "%d mails answered, %d not; %d compactions ordered that moved %d bodies, %d beside them so far; %s" % (
            answered, len(mails) - answered, asked, moved, self.compactions, "; ".join(told) or "nothing undone")

    def begin_anew(self):
        """After everything was rolled back: as if nothing of the round had been."""
        self.inboxes = {n: Inbox(n) for n in INBOXES}
        self.drawers = {n: Drawer(n, ["A", "B"]) for n in DRAWERS}
        return "all changes rolled back: the shim had seen every one"

    def load(self):
        label = "r%d" % self.round
        workers = [Sender(self.server, "%s-s%d" % (label, i), INBOXES, self.chance.random()) for i in range(self.senders)]
        workers += [Writer(self.server, "%s-%s" % (label, d.name), d, self.chance.random()) for d in self.drawers.values()]
        workers.append(Watcher(self.server, self.inboxes["s1"]))
        if self.round % 2 == 0 or self.ending != "kill":
            workers.append(Compactor(self.server))
        for w in workers:
            w.start()
        self.wait_for_compaction(workers)
        time.sleep(self.chance.uniform(0.6, 3))
        if self.recorder:
            control = self.recorder.control
            control.set(kill_at=control.sequence + self.chance.randint(1, 60))
            deadline = time.monotonic() + 120
            while self.server.alive() and time.monotonic() < deadline:
                time.sleep(0.01)
            if self.server.alive():
                raise Violation("the server has stopped writing under load")
        if not self.recorder and not self.server.alive():
            raise Violation("the server ended by itself:\n" + self.server.log_text()[-3000:])
        self.end_under_load(workers)
        for w in workers:
            w.join(60)
            if w.is_alive():
                raise Violation("a client hangs on a dead server")
        return workers

    def wait_for_compaction(self, workers):
        """Until the first order is given, where there is one who gives them."""
        deadline = time.monotonic() + 30
        while any(isinstance(w, Compactor) and not w.asked for w in workers):
            if time.monotonic() > deadline:
                raise Violation("the control socket does not answer")
            time.sleep(0.01)

    def end_under_load(self, workers):
        if self.ending == "term":
            code = self.server.stop(timeout=300)  # that it ends in good order is the promise; how soon is the machine's affair
            if code != 0:
                raise Violation("it ended with %s upon SIGTERM:\n%s" % (code, self.server.log_text()[-3000:]))
            return
        if self.ending == "stop":
            for _ in range(self.chance.randint(2, 5)):
                self.server.process.send_signal(signal.SIGSTOP)
                time.sleep(self.chance.uniform(0.05, 0.5))
                self.server.process.send_signal(signal.SIGCONT)
                self.wait_for_work(workers)
            self.server.process.send_signal(signal.SIGSTOP)
        self.server.kill()

    def wait_for_work(self, workers):
        """Until another mail was answered since now."""
        def answered():
            return sum(m.must_be_there() for w in workers if isinstance(w, Sender) for m in list(w.mails))

        before, deadline = answered(), time.monotonic() + 30
        while answered() == before:
            if time.monotonic() > deadline or not self.server.alive():
                raise Violation("it does not go on after SIGCONT:\n" + self.server.log_text()[-3000:])
            time.sleep(0.01)

    def crash_in_recovery(self):
        """Power fails again while the server starts."""
        self.recorder.begin()
        self.recorder.control.set(kill_at=self.chance.randint(1, 60), sync_off=0 if self.synced else 1)
        try:
            self.server.start()
            self.server.kill()
        except StartFailed:
            pass
        return "and again at start: " + self.recorder.cut(self.chance)

    # -- afterwards -----------------------------------------------------------------------------------------------------

    def verify(self, mails):
        failures = []

        def guard(check, *arguments):
            try:
                check(*arguments)
            except Exception as e:
                failures.append(e)

        threads = [threading.Thread(target=guard, args=(self.verify_inbox, i, mails)) for i in self.inboxes.values()]
        threads += [threading.Thread(target=guard, args=(self.verify_drawer, d)) for d in self.drawers.values()]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failures:
            raise next((f for f in failures if isinstance(f, Violation)), failures[0])
        self.all_or_none(mails)

    def verify_inbox(self, inbox, mails):
        with self.login(inbox.name) as imap:
            facts = imap.select("INBOX", "EXAMINE")
            rows = {}
            if facts.get("EXISTS"):
                known = max(inbox.there, default=0)
                sample = self.chance.sample(sorted(inbox.there), min(10, len(inbox.there)))
                bodies = imap.fetch(",".join(map(str, sample + ["%d:*" % (known + 1)])), "(UID BODY.PEEK[])")
                for uid, m in imap.fetch("1:*", "(UID MODSEQ BODY.PEEK[HEADER.FIELDS (X-CUT)])").items():
                    body = digest(bare(bodies[uid]["BODY[]"])) if uid in bodies else None
                    rows[uid] = (cut_name(m), body, int(m["MODSEQ"][0]))
                if any(uid > known and rows[uid][1] is None for uid in rows):
                    raise Violation("%s: a message could not be fetched" % inbox.name)
            inbox.check(rows, mails, facts)

    def verify_drawer(self, drawer):
        found, facts = {}, {}
        with self.login(drawer.name) as imap:
            for mailbox in self.mailboxes(imap):
                facts[mailbox] = imap.select(mailbox, "EXAMINE")
                found[mailbox] = {}
                if facts[mailbox].get("EXISTS"):
                    for uid, m in imap.fetch("1:*", "(UID FLAGS MODSEQ BODY.PEEK[])").items():
                        name = re.search(rb"X-Cut: (\S+)", m["BODY[]"])[1].decode()
                        flags = frozenset(f for f in m["FLAGS"] if f != "\\Recent")
                        found[mailbox][uid] = (name, digest(m["BODY[]"]), flags, int(m["MODSEQ"][0]))
        drawer.adopt(found, facts)

    @staticmethod
    def mailboxes(imap):
        """The drawer's own: A, B and what is named T-…"""
        text, untagged = imap.command('LIST "" "*"')
        names = [r[-1].decode() if isinstance(r[-1], bytes) else r[-1] for r in untagged if r[1] == "LIST"]
        return [n for n in names if n in ("A", "B") or n.startswith("T-")]

    def all_or_none(self, mails):
        """A mail is placed for every recipient or for none."""
        where = {}
        for inbox in self.inboxes.values():
            for name in inbox.there.values():
                where.setdefault(name, set()).add(inbox.name)
        for mail in mails.values():
            if mail.name in where and where[mail.name] != set(mail.recipients):
                raise Violation("%s is there for %s alone of %s" % (mail.name, where[mail.name], mail.recipients))

    def tidy(self):
        """Keeps the mailboxes small, so that old segments are emptied too."""
        self.leave_fodder()
        for inbox in self.inboxes.values():
            old = sorted(inbox.there)[:-150]
            if len(old) > 300:
                with self.login(inbox.name) as imap:
                    imap.select("INBOX")
                    span = "%d:%d" % (old[0], old[-1])
                    imap.command("UID STORE %s +FLAGS.SILENT (\\Deleted)" % span)
                    imap.command("UID EXPUNGE " + span)
                for uid in old:
                    del inbox.there[uid]

    def end(self, keep):
        self.server.kill()
        if not keep:
            self.server.remove()


def rounds(kind, count, o, library):
    """Whether `kind` came out as it should."""
    ending = kind if kind in ("term", "stop") else "kill"
    trial = Trial("%s-%s" % (o.seed, kind), o.senders, library if kind in ("cut", "unsynced") else None, synced=kind != "unsynced", ending=ending)
    try:
        for number in range(1, count + 1):
            try:
                print("%s %d: %s" % (kind, number, trial.play()), flush=True)
            except (Violation, StartFailed, Refused, cut.Unseen) as e:
                print("%s %d: %s: %s" % (kind, number, type(e).__name__, str(e)[:2000]), flush=True)
                if kind == "unsynced":
                    print("unsynced: found out, as it should be")
                    return True
                print("seed %s; the folder: %s" % (o.seed, trial.server.top if o.keep else "not kept, use --keep"))
                return False
        return kind != "unsynced"
    finally:
        trial.end(o.keep)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=20)
    p.add_argument("--kills", type=int, default=10)
    p.add_argument("--senders", type=int, default=16)
    p.add_argument("--seed", default=os.environ.get("POWERCUT_SEED") or str(random.SystemRandom().randrange(10**6)))
    p.add_argument("--only", choices=["cut", "kill", "term", "stop", "unsynced"])
    p.add_argument("--keep", action="store_true")
    o = p.parse_args()
    print("seed %s" % o.seed, flush=True)
    scratch = tempfile.mkdtemp(prefix="powercut-")
    try:
        library = cut.build(scratch)
        plan = [("cut", o.rounds + 1), ("kill", o.kills), ("term", o.kills), ("stop", o.kills), ("unsynced", 5)]  # the first round of the cuts proves the shim
        failed = [kind for kind, count in plan if o.only in (None, kind) and count and not rounds(kind, count, o, library)]
    finally:
        shutil.rmtree(scratch)
    print("FAILED: " + ", ".join(failed) if failed else "all promises kept")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
