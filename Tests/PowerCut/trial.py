"""A server's life through many crashes: load, crash, cut, restart, and a look at whether every promise was kept."""
import os
import random
import re
import signal
import threading
import time

import cut
from compactor import Compactor
from load import Sender, Watcher, Writer, cut_name, message
from oracle import Drawer, Inbox, Violation, bare, digest
from server import Server, StartFailed
from wire import IMAP

INBOXES = ["s1", "s2", "s3", "s4"]
DRAWERS = ["w1", "w2", "w3", "w4"]
FODDER = "x1"  # whose mail goes, so that there is something to compact
SETTINGS = {"limits.free-floor": 0, "limits.recipients-per-hour": 0, "logging.level": "info", "store.compaction-interval": 1}


class Trial:
    """One server's life through many crashes, or whatever else ends it."""

    def __init__(self, seed, senders, library=None, synced=True, ending="kill"):
        self.chance, self.senders, self.synced, self.ending = random.Random(seed), senders, synced, ending
        self.server = self.make_server()
        self.recorder = None
        self.round = self.compactions = 0
        self.forget()
        self.start_and_prepare()
        if library:
            top = os.path.join(self.server.top, "powercut")
            os.mkdir(top)
            self.recorder = cut.Recorder(library, self.server.data, top)
            self.server.preload = library
            self.server.extra = self.recorder.environment()

    def make_server(self):
        server = Server(settings=SETTINGS)
        return server.make(*INBOXES, *DRAWERS, FODDER)

    def start_and_prepare(self):
        self.server.start()
        self.prepare()
        self.leave_fodder()
        self.server.stop()

    def prepare(self):
        for name in DRAWERS:
            with self.login(name) as imap:
                for mailbox in ("A", "B"):
                    imap.command("CREATE " + mailbox)

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
        if self.recorder and self.synced and self.round == 1:
            self.recorder.roll_back()
            self.forget()
            return "all changes rolled back: the shim had seen every one"
        if self.recorder:
            told.append(self.recorder.cut(self.chance))
            if self.chance.random() < 0.3:
                told.append(self.crash_in_recovery())
            self.recorder.begin()
        self.server.start()
        for w in workers:
            if w.failure:
                raise w.failure
        counted = self.judge(workers)
        self.server.stop()
        self.compactions = self.server.log_text().count("Compacted")
        asked, moved = (sum(n) for n in zip((0, 0), *((w.asked, w.moved) for w in workers if isinstance(w, Compactor))))
        return "%s; %d compactions ordered that moved %d bodies, %d beside them so far; %s" % (
            counted, asked, moved, self.compactions, "; ".join(told) or "nothing undone")

    def forget(self):
        """Nothing was ever promised: at the beginning, and when everything was rolled back."""
        self.inboxes = {n: Inbox(n) for n in INBOXES}
        self.drawers = {n: Drawer(n, ["A", "B"]) for n in DRAWERS}

    def workers(self):
        label = "r%d" % self.round
        workers = [Sender(self.server, "%s-s%d" % (label, i), INBOXES, self.chance.random()) for i in range(self.senders)]
        workers += [Writer(self.server, "%s-%s" % (label, d.name), d, self.chance.random()) for d in self.drawers.values()]
        return workers + [Watcher(self.server, self.inboxes["s1"])]

    def load(self):
        workers = self.workers()
        if self.round % 2 == 0 or self.ending != "kill":
            workers.append(Compactor(self.server))
        for w in workers:
            w.start()
        self.wait_for_compaction(workers)
        self.wait_for_the_moment()
        if self.recorder:
            deadline = time.monotonic() + 120
            while self.server.alive() and time.monotonic() < deadline:
                time.sleep(0.01)
            if self.server.alive():
                raise Violation("the server has stopped writing under load")
        self.end_under_load(workers)
        for w in workers:
            w.join(60)
            if w.is_alive():
                raise Violation("a client hangs on a dead server")
        return workers

    def wait_for_the_moment(self):
        """Until the power is to fail: under the shim it fails from then on."""
        time.sleep(self.chance.uniform(0.6, 3))
        if self.recorder:
            self.fail_power(within=60)
        elif not self.server.alive():
            raise Violation("the server ended by itself:\n" + self.server.log_text()[-3000:])

    def fail_power(self, within):
        control = self.recorder.control
        control.set(kill_at=control.sequence + self.chance.randint(1, within))

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

    def judge(self, workers):
        """Whether all that was promised is true; in words, what was."""
        mails = {m.name: m for w in workers if isinstance(w, Sender) for m in w.mails}
        self.verify(mails)
        self.tidy()
        answered = sum(m.must_be_there() for m in mails.values())
        return "%d mails answered, %d not" % (answered, len(mails) - answered)

    def finish(self):
        """After the last round; what was counted over all of them, or nothing."""

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
