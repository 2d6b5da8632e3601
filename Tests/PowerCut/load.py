"""Clients that write until the server dies, and note what they were told."""
import random
import re
import threading

from oracle import Mail, Row, Violation, digest
from wire import IMAP, SMTP, Closed, Refused

DEATH = (Closed, OSError, TimeoutError)
TEXT = random.Random(0).randbytes(2 << 20).hex().encode()
LINES = b"\r\n".join(TEXT[i : i + 70] for i in range(0, len(TEXT), 70))


def octets(chance) -> int:
    return chance.choices([chance.randint(200, 8000), chance.randint(20_000, 200_000), chance.randint(250_000, 300_000), 1_000_000], [85, 11, 3, 1])[0]


def message(name, chance) -> bytes:
    size = octets(chance)
    start = chance.randrange(len(LINES) - size)
    return b"X-Cut: %s\r\nSubject: power cut\r\n\r\n" % name.encode() + LINES[start : start + size].strip(b"\r\n") + b"\r\n"


def log_in(imap, server, name):
    """A server that stops tells who waits for a login to try later (RFC 5530 §3)."""
    try:
        imap.login(server.address(name), server.passwords[name])
    except Refused as e:
        raise Closed("the server stops") if "[UNAVAILABLE]" in str(e) else e


class Worker(threading.Thread):
    """`work` until the connection dies; anything else that is raised is kept in `failure`."""

    def __init__(self):
        super().__init__(daemon=True)
        self.failure = None

    def run(self):
        try:
            self.work()
        except DEATH:
            pass
        except Violation as e:
            self.failure = e
        except Exception as e:  # an unlawful answer is as bad
            self.failure = Violation("%s: %r" % (type(self).__name__, e))


class Sender(Worker):
    def __init__(self, server, label, inboxes, seed):
        super().__init__()
        self.server, self.label, self.inboxes, self.chance = server, label, inboxes, random.Random(seed)
        self.mails = []

    def work(self):
        while True:
            with SMTP(self.server.host, self.server.port("smtp"), timeout=30) as smtp:
                for _ in range(self.chance.randint(1, 30)):
                    self.send(smtp)

    def send(self, smtp):
        name = "%s-%d" % (self.label, len(self.mails))
        data = message(name, self.chance)
        recipients = self.chance.sample(self.inboxes, self.chance.choice([1, 1, 1, 2, 3]))
        mail = Mail(name, data, recipients)
        self.mails.append(mail)
        refused = smtp.envelope("load@remote.example", [self.server.address(r) for r in recipients])
        if refused and refused[0] == 421:
            raise Closed("421")
        if refused:
            raise Violation("%s: refused: %s" % (name, refused))
        mail.state = Mail.UNKNOWN
        if self.chance.random() < 0.3:
            smtp.send(b"BDAT %d LAST\r\n" % len(data) + data)
        else:
            code, text = smtp.command("DATA")
            if code == 421:
                mail.state = Mail.REFUSED
                raise Closed("421")
            if code != 354:
                raise Violation("%s: DATA refused: %d %s" % (name, code, text))
            smtp.send(SMTP.stuffed(data))
        code, text = smtp.reply()
        mail.state = Mail.ANSWERED if code == 250 else Mail.REFUSED
        if code == 421:
            raise Closed("421")
        if code != 250:
            raise Violation("%s: %d %s" % (name, code, text))


class Watcher(Worker):
    """Looks at an inbox all the time: what a client was shown must stay."""

    def __init__(self, server, inbox):
        super().__init__()
        self.server, self.inbox = server, inbox

    def work(self):
        with IMAP(self.server.host, self.server.port("imaps"), tls=True, timeout=30) as imap:
            log_in(imap, self.server, self.inbox.name)
            facts = imap.select("INBOX")
            uid_next = facts["UIDNEXT"]
            while True:
                imap.command("NOOP")
                new = imap.fetch("%d:*" % uid_next, "(UID MODSEQ BODY.PEEK[HEADER.FIELDS (X-CUT)])")
                for uid, m in sorted(new.items()):
                    if uid >= uid_next:
                        name = cut_name(m)
                        self.inbox.uids.told(uid, name)
                        self.inbox.modseqs.told(int(m["MODSEQ"][0]), name)
                        self.inbox.shown[uid] = (name, int(m["MODSEQ"][0]))
                        uid_next = uid + 1


def cut_name(m) -> str:
    header = next(v for k, v in m.items() if k.startswith("BODY[HEADER"))
    return re.search(rb"X-Cut: (\S+)", header)[1].decode()


FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Work", "$Later"]


def numbers(text):
    """RFC 9051 `uid-set`, as a list in its order."""
    out = []
    for piece in text.split(","):
        a, _, b = piece.partition(":")
        out += range(int(a), int(b or a) + 1)
    return out


class Writer(Worker):
    """The one client of a drawer: APPEND, STORE, COPY, MOVE, EXPUNGE, and CREATE, RENAME and DELETE of a third mailbox."""

    def __init__(self, server, label, drawer, seed):
        super().__init__()
        self.server, self.label, self.drawer, self.chance = server, label, drawer, random.Random(seed)
        self.count = 0

    def work(self):
        with IMAP(self.server.host, self.server.port("imaps"), tls=True, timeout=30) as imap:
            log_in(imap, self.server, self.drawer.name)
            imap.select("A")
            while True:
                self.count += 1
                operation = "%s-%d" % (self.label, self.count)
                rows = self.drawer.boxes["A"]
                acts = [self.append] * 4 + ([self.store] * 4 + [self.copy, self.move, self.expunge, self.tree, self.tree] if len(rows) > 2 else [])
                if len(rows) > 60:
                    acts = [self.expunge]
                self.chance.choice(acts)(imap, operation)

    def some(self):
        rows = self.drawer.boxes["A"]
        return sorted(self.chance.sample(sorted(rows), self.chance.randint(1, min(5, len(rows)))))

    def append(self, imap, operation):
        batch = []
        for i in range(self.chance.choice([1, 1, 3])):
            name = "%s.%d" % (operation, i)
            data = message(name, self.chance)
            flags = self.chance.sample(FLAGS, self.chance.randint(0, 3))
            row = Row(name, digest(data), flags, name)

            def change(rows, new, row=row):
                new["A"].append(row)
                return rows, new

            self.drawer.pending.append(change)
            batch.append((row, imap.start("APPEND A (%s) " % " ".join(flags), data)))
        for row, tag in batch:
            text, untagged = imap.finish(tag)
            m = re.match(r"\[APPENDUID (\d+) (\d+)\]", text)
            if not m:
                raise Violation("no APPENDUID: " + text)
            self.drawer.pending.pop(0)
            self.drawer.boxes["A"].uids.told(int(m[2]), row.name, is_new=True)
            self.drawer.boxes["A"][int(m[2])] = row

    def done(self):
        """The one pending change is answered."""
        change = self.drawer.pending.pop(0)
        self.drawer.boxes, new = change(self.drawer.boxes, {m: [] for m in self.drawer.boxes})
        return new

    def store(self, imap, operation):
        uids, flags, how = self.some(), self.chance.sample(FLAGS, self.chance.randint(1, 2)), self.chance.choice(["+", "-", ""])

        def change(rows, new):
            for uid in uids:
                old = rows["A"][uid]
                after = {"+": old.flags | set(flags), "-": old.flags - set(flags), "": frozenset(flags)}[how]
                # A message whose flags stay as they were keeps its ModSeq, and so its last operation.
                rows["A"][uid] = old if after == old.flags else Row(old.name, old.digest, after, operation)
            return rows, new

        before = {u: self.drawer.boxes["A"][u] for u in uids}
        self.drawer.pending.append(change)
        text, untagged = imap.command("UID STORE %s %sFLAGS (%s)" % (",".join(map(str, uids)), how, " ".join(flags)))
        self.done()
        for m in imap.fetched(untagged).values():
            if "UID" in m and "MODSEQ" in m and self.drawer.boxes["A"][int(m["UID"])] is not before.get(int(m["UID"])):
                self.drawer.modseqs.told(int(m["MODSEQ"][0]), operation, rises=True)

    def place(self, imap, operation, verb):
        uids = self.some()
        target = self.chance.choice([m for m in self.drawer.boxes if m != "A"])

        def change(rows, new):
            for uid in uids:
                row = rows["A"][uid]
                new[target].append(Row(row.name, row.digest, row.flags, operation))
                if verb == "MOVE":
                    del rows["A"][uid]
            return rows, new

        self.drawer.pending.append(change)
        text, untagged = imap.command("UID %s %s %s" % (verb, ",".join(map(str, uids)), target))
        codes = [text] + [r[2] for r in untagged if r[:2] == ["*", "OK"]]
        m = next((m for m in (re.match(r"\[COPYUID (\d+) (\S+) (\S+)\]", c) for c in codes) if m), None)
        if not m or numbers(m[2]) != uids:
            raise Violation("%s: no COPYUID: %s" % (operation, codes))
        new = self.done()
        for uid, row in zip(numbers(m[3]), new[target]):
            self.drawer.boxes[target].uids.told(uid, row.name, is_new=True)
            self.drawer.boxes[target][uid] = row

    def tree(self, imap, operation):
        """The third mailbox is made, gets another name, or goes with what is in it."""
        third = next((m for m in self.drawer.boxes if m not in ("A", "B")), None)
        verb = "CREATE" if third is None else self.chance.choice(["RENAME", "RENAME", "DELETE"])
        name = "T-" + operation

        def change(rows, new):
            if verb == "CREATE":
                rows[name], new[name] = self.drawer.empty(name), []
            elif verb == "RENAME":
                rows[name], new[name] = rows.pop(third), new.pop(third)
            else:
                del rows[third], new[third]
            return rows, new

        self.drawer.pending.append(change)
        imap.command({"CREATE": "CREATE " + name, "RENAME": "RENAME %s %s" % (third, name), "DELETE": "DELETE %s" % third}[verb])
        self.done()

    def copy(self, imap, operation):
        self.place(imap, operation, "COPY")

    def move(self, imap, operation):
        self.place(imap, operation, "MOVE")

    def expunge(self, imap, operation):
        uids = self.some()

        def mark(rows, new):
            for uid in uids:
                old = rows["A"][uid]
                rows["A"][uid] = Row(old.name, old.digest, old.flags | {"\\Deleted"}, operation + "-mark")
            return rows, new

        def remove(rows, new):
            for uid in uids:
                del rows["A"][uid]
            return rows, new

        self.drawer.pending.append(mark)
        imap.command("UID STORE %s +FLAGS.SILENT (\\Deleted)" % ",".join(map(str, uids)))
        self.done()
        self.drawer.pending.append(remove)
        imap.command("UID EXPUNGE " + ",".join(map(str, uids)))
        self.done()
