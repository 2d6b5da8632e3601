"""A client that does random legal commands, and now and then loses its connection in the midst of one."""
import asyncio
import itertools
import random
import re

from client import Connection, Gone, digest, numbers
from model import UNKNOWN, Message, Violation



def prose(octets):
    """Words as people use them: a few often, most seldom, all from one language; else the index of words would hold little but words never seen again."""
    chance = random.Random(0)
    words = [bytes(chance.choices(b"etaoinshrdlucmfwypvbgk", k=chance.randint(2, 10))) for _ in range(20_000)]
    often = list(itertools.accumulate(1 / (n + 1) for n in range(len(words))))
    out, line = [], []
    size = 0
    for word in chance.choices(words, cum_weights=often, k=octets // 5):
        line.append(word)
        size += len(word) + 1
        if size > 70:
            out.append(b" ".join(line))
            line, size = [], 0
    return b"\r\n".join(out)


LINES = prose(1 << 20)
MOST_MESSAGES = 200
# A message that another session expunged meanwhile: the command had nothing, or not everything, to do.
RACES = ("EXPUNGEISSUED", "NONEXISTENT")


def message(name, chance):
    size = chance.choice([300, 1000, 4000, 4000, 20000, 90000])
    start = chance.randrange(len(LINES) - size)
    return b"X-Soak: %s\r\nSubject: soak %s\r\n\r\n" % (name.encode(), name.encode()) + LINES[start : start + size].strip(b"\r\n") + b"\r\n"


class Player:
    def __init__(self, server, account, number, seed, compressed=False):
        self.server, self.account, self.number, self.compressed = server, account, number, compressed
        self.chance = random.Random("%s-%d" % (seed, number))
        self.connection = None
        self.serial = 0
        self.done = {}  # operation: how often

    @property
    def mark(self):
        return "$k%d" % self.number

    async def play(self, stop):
        """Until `stop` is set; then the connection stays open."""
        while not stop.is_set():
            try:
                await self.step()
            except Gone:
                if not self.server.alive():
                    raise Violation("the server has ended:\n" + self.server.log_text()[-2000:])
                self.drop()

    def drop(self):
        if self.connection:
            self.connection.cut()
        self.connection = None

    async def step(self):
        if self.connection is None:
            connection = Connection(self.account, self.compressed)
            await connection.open(self.server, self.server.address(self.account.name), self.server.passwords[self.account.name])
            self.connection = connection
        c = self.connection
        if c.box is None or self.chance.random() < 0.04:
            await c.select(self.chance.choice(self.account.names))
            self.check_marks(c)
        known = self.known(c)
        acts = [self.append] * 3 + [self.noop, self.idle, self.cut_append]
        if known:
            acts += [self.store] * 6 + [self.fetch] * 4 + [self.copy, self.move, self.search, self.search, self.expunge, self.cut_store, self.look]
        if len(known) > MOST_MESSAGES:
            acts = [self.expunge]
        act = self.chance.choice(acts)
        self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
        await act(c)

    @staticmethod
    def known(c):
        """The UIDs of the view whose message somebody was told of: what came by SMTP is touched only after the next pause."""
        return [u for u in c.view if u in c.box.messages]

    def some(self, c, most=5):
        known = self.known(c)
        return sorted(self.chance.sample(known, self.chance.randint(1, min(most, len(known)))))

    def name(self):
        self.serial += 1
        return "%s-%d-%d" % (self.account.name, self.number, self.serial)

    # -- what a client does ---------------------------------------------------------------------------------------------

    async def append(self, c):
        box = self.account.boxes[self.chance.choice(self.account.names)]
        batch = []
        for _ in range(self.chance.choice([1, 1, 3])):
            name = self.name()
            data = message(name, self.chance)
            marked = self.chance.random() < 0.3
            box.possible[name] = digest(data)
            flags = [self.mark] * marked + self.chance.sample(["\\Seen", "\\Flagged", "\\Draft"], self.chance.randint(0, 2))
            batch.append((name, data, marked, c.start('APPEND "%s" (%s) ' % (box.name.split("/")[1], " ".join(flags)), data)))
        for name, data, marked, tag in batch:
            m = re.match(r"OK \[APPENDUID (\d+) (\d+)\]", await c.finish(tag))
            if not m:
                raise Violation("APPEND without APPENDUID")
            box.possible.pop(name, None)
            box.placed(int(m[2]), Message(name, digest(data), {self.number: marked}))

    async def cut_append(self, c):
        """The connection ends within a literal: nothing may come of it."""
        if self.chance.random() < 0.7:
            return
        name = self.name()
        data = message(name, self.chance)
        c.writer.write(b"z1 APPEND INBOX {%d+}\r\n" % (len(data) + 10) + data)
        await asyncio.sleep(0)
        self.drop()

    async def store(self, c):
        uids, add = self.some(c), self.chance.random() < 0.6
        other = self.chance.sample(["\\Seen", "\\Flagged", "\\Answered"], self.chance.randint(0, 1))
        silent = ".SILENT" if self.chance.random() < 0.3 else ""
        command = "UID STORE %s %sFLAGS%s (%s)" % (",".join(map(str, uids)), "+" if add else "-", silent, " ".join([self.mark] + other))
        tag = c.start(command)
        self.unknown(c.box, uids)
        await c.finish(tag, RACES)
        box = c.box
        for uid in uids:
            box.messages[uid].set_mark(self.number, add)
        for uid, flags in c.flags().items():
            if uid in uids and (self.mark in flags) != add and self.number not in box.messages[uid].late:
                raise Violation("%s: STORE of UID %d answered %s" % (box.name, uid, sorted(flags)))

    def unknown(self, box, uids):
        for uid in uids:
            box.messages[uid].marks[self.number] = UNKNOWN

    async def cut_store(self, c):
        """The answer is never read: it may have been done or not."""
        if self.chance.random() < 0.7:
            return
        uids = self.some(c)
        for uid in uids:
            c.box.messages[uid].cut(self.number)
        c.start("UID STORE %s +FLAGS (%s)" % (",".join(map(str, uids)), self.mark))
        await asyncio.sleep(self.chance.choice([0, 0.01]))
        self.drop()

    async def fetch(self, c):
        uids = self.some(c, 8)
        await c.command("UID FETCH %s (UID FLAGS MODSEQ BODY.PEEK[])" % ",".join(map(str, uids)), allowed=RACES)
        for uid, body in c.bodies().items():
            known = c.box.messages.get(uid)
            if known and known.digest and digest(body) != known.digest:
                raise Violation("%s: UID %d has other octets than were put there" % (c.box.name, uid))
        self.check_marks(c)

    async def look(self, c):
        await c.look()
        self.check_marks(c)

    def check_marks(self, c):
        for uid, flags in c.flags().items():
            c.box.check_mark(uid, self.number, flags)

    async def search(self, c):
        if self.chance.random() < 0.5:
            await c.command("UID SEARCH RETURN (ALL) KEYWORD " + self.mark)
            found = self.found(c)
            for uid in self.known(c):
                m = c.box.messages[uid]
                if m.is_gone or m.may_be_gone or m.marks.get(self.number, UNKNOWN) is UNKNOWN:
                    continue
                if (uid in found) != m.marks[self.number]:
                    raise Violation("%s: SEARCH KEYWORD: UID %d found: %s" % (c.box.name, uid, uid in found))
            return
        uid = self.chance.choice(self.known(c))
        m = c.box.messages[uid]
        await c.command('UID SEARCH RETURN (ALL) %s "%s"' % (self.chance.choice(["SUBJECT", "TEXT"]), m.name))
        others = [u for u in self.found(c) if not (c.box.messages.get(u) and c.box.messages[u].name.startswith(m.name)) and u in c.box.messages]
        if others or uid not in self.found(c) and not (m.is_gone or m.may_be_gone):
            raise Violation("%s: SEARCH %s: found %s, should find %d" % (c.box.name, m.name, self.found(c), uid))

    @staticmethod
    def found(c):
        for r in c.untagged:
            if len(r) > 1 and r[1] == "ESEARCH" and "ALL" in r:
                return set(numbers(r[r.index("ALL") + 1]))
        return set()

    async def place(self, c, verb):
        uids, target = self.some(c), self.account.boxes[self.chance.choice(self.account.names)]
        if target is c.box:
            return
        source = c.box
        for uid in uids:
            m = source.messages[uid]
            target.possible[m.name] = m.digest
            m.may_be_gone = m.may_be_gone or verb == "MOVE"
        text = await c.command('UID %s %s "%s"' % (verb, ",".join(map(str, uids)), target.name.split("/")[1]), allowed=RACES)
        texts = [text] + ["OK " + r[2] for r in c.untagged if r[:2] == ["*", "OK"]]
        m = next((m for m in (re.match(r"OK \[COPYUID (\d+) (\S+) (\S+)\]", t) for t in texts) if m), None)
        if not m:
            return
        for old, new in zip(numbers(m[2]), numbers(m[3])):
            if old not in uids:
                raise Violation("%s: COPYUID of %d, which was not asked for" % (source.name, old))
            known = source.messages[old]
            # Others' keywords went along as they were at some moment before.
            target.placed(new, Message(known.name, known.digest, {self.number: known.marks.get(self.number, UNKNOWN)}))
            if verb == "MOVE":
                known.is_gone = True

    async def copy(self, c):
        await self.place(c, "COPY")

    async def move(self, c):
        await self.place(c, "MOVE")

    async def expunge(self, c):
        uids = self.some(c, 60 if len(c.view) > MOST_MESSAGES else 3)
        box = c.box
        for uid in uids:
            box.messages[uid].may_be_gone = True
        text = ",".join(map(str, uids))
        await c.command("UID STORE %s +FLAGS.SILENT (\\Deleted)" % text, allowed=RACES)
        await c.command("UID EXPUNGE " + text)
        for uid in uids:
            box.saw_gone(uid)
            if uid in c.view:
                raise Violation("%s: UID %d is there after its EXPUNGE" % (box.name, uid))

    async def noop(self, c):
        await c.command(self.chance.choice(["NOOP", "CHECK", "NOOP", 'STATUS "M1" (MESSAGES UIDNEXT)', 'LIST "" "*"', "CAPABILITY"]))

    async def idle(self, c):
        tag = c.start("IDLE")
        while (r := await c.response())[0] != "+":
            c.apply(r)
        try:
            async with asyncio.timeout(self.chance.uniform(0, 0.4)):
                while True:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        c.writer.write(b"DONE\r\n")
        await c.finish(tag)
