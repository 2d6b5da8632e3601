#!/usr/bin/env python3
"""Fifty clients, random legal commands, broken connections, shared mailboxes: every answer is checked against a model.

    soak.py [--seconds 1800] [--clients 50] [--accounts 5] [--boxes 4] [--compressed 0.5] [--seed N] [--pause 30]

Every `--pause` seconds all clients stop for a moment, and every mailbox is compared with the model, message by message and counter by counter, and each
client's own view with it. Runs of half an hour and more also fail when allocated memory grows by 5 % from the second third to the last: at first
it grows by what fills the caches (outlines of messages 48 MiB, pages of the index), and the words of new mail gather in memory for minutes and then go to the disk.
`--compressed`: that part of the clients goes through COMPRESS; `--boxes`: mailboxes an account has.
MARTLET_BIN names the program. Exit status 0 when no answer was wrong.
"""
import argparse
import asyncio
import os
import random
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "Interop")]

from client import Connection, digest  # noqa: E402
from model import Account, Violation  # noqa: E402
from player import Player, message  # noqa: E402
from server import Server  # noqa: E402
from wire import SMTP  # noqa: E402

NAME = re.compile(rb"X-Soak: (\S+)")


class Soak:
    def __init__(self, o):
        self.o = o
        self.server = Server(settings={"limits.free-floor": 0, "logging.level": "warning", "auth.plaintext-on-loopback": True,
                                       "store.compaction-interval": 5})
        names = ["a%d" % i for i in range(o.accounts)]
        self.server.make(*names)
        self.accounts = [Account(n, o.boxes) for n in names]
        self.players = [Player(self.server, self.accounts[i % o.accounts], i // o.accounts, "%s-%s" % (o.seed, i % o.accounts),
                               int((i // o.accounts + 1) * o.compressed) > int(i // o.accounts * o.compressed))
                        for i in range(o.clients)]
        self.memory = []
        self.sent = 0
        self.chance = random.Random(o.seed)

    async def run(self):
        self.server.start()
        begun = time.monotonic()
        for account in self.accounts:
            c = await self.connect(account)
            for box in account.names[1:]:
                await c.command('CREATE "%s"' % box)
            await c.close()
        watch = asyncio.create_task(self.watch_memory(begun))
        while (passed := time.monotonic() - begun) < self.o.seconds:
            await self.stretch(min(self.o.pause, self.o.seconds - passed))
            await self.settle()
            await asyncio.gather(*[self.verify(a) for a in self.accounts])
            print("%4d s: %s; %d messages; %.1f MB allocated" % (
                time.monotonic() - begun, self.work(), sum(len(b.living()) for a in self.accounts for b in a.boxes.values()),
                self.memory[-1][1] / 1e6), flush=True)
        watch.cancel()
        self.check_memory()

    async def settle(self):
        """Until the server has done what cut connections have sent: it has closed its end of each, and with it has queued its last change; and changes
        are made in the order of their queue, so that one that is begun now is answered behind them."""
        async with asyncio.timeout(120):
            while self.server.connections("imap") != sum(p.connection is not None for p in self.players):
                await asyncio.sleep(0.02)
        for account in self.accounts:
            c = await self.connect(account)
            for verb in ("SUBSCRIBE", "UNSUBSCRIBE"):
                await c.command("%s settled" % verb)
            await c.close()

    async def watch_memory(self, begun):
        while True:
            self.memory.append((time.monotonic() - begun, self.server.counts.live))
            await asyncio.sleep(2)

    async def stretch(self, seconds):
        stop = asyncio.Event()
        tasks = [asyncio.create_task(p.play(stop)) for p in self.players] + [asyncio.create_task(self.deliver(stop))]
        timer = asyncio.create_task(asyncio.sleep(seconds))
        done, _ = await asyncio.wait([timer, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        timer.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def deliver(self, stop):
        """Mail by SMTP, in a thread's blocking calls; a 250 must be there at the next pause."""
        while not stop.is_set():
            account = self.chance.choice(self.accounts)
            self.sent += 1
            name = "smtp-%d" % self.sent
            box = account.boxes["INBOX"]
            box.possible[name] = None
            code = await asyncio.to_thread(self.send, account, message(name, self.chance))
            if code != 250:
                raise Violation("SMTP answered %d" % code)
            # Its octets have trace lines in front; its name is checked.
            if box.possible.pop(name, 0) is None:
                box.expected[name] = None
            await asyncio.sleep(0.2)

    def send(self, account, data):
        with SMTP(self.server.host, self.server.port("smtp")) as smtp:
            return smtp.deliver("soak@remote.example", [self.server.address(account.name)], data)[0]

    async def connect(self, account):
        return await Connection(account).open(self.server, self.server.address(account.name), self.server.passwords[account.name])

    async def verify(self, account):
        c = await self.connect(account)
        for name, box in account.boxes.items():
            await c.select(name)
            await c.command("UID FETCH 1:* (UID FLAGS MODSEQ RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-SOAK)])")
            rows = {}
            for r in c.untagged:
                if len(r) == 4 and r[2] == "FETCH":
                    items = {r[3][i].upper(): r[3][i + 1] for i in range(0, len(r[3]) - 1, 2)}
                    header = next(v for k, v in items.items() if k.startswith("BODY[HEADER"))
                    flags = frozenset(f for f in items["FLAGS"] if f != "\\Recent")
                    rows[int(items["UID"])] = (NAME.search(header)[1].decode(), int(items["RFC822.SIZE"]), flags, int(items["MODSEQ"][0]))
            await c.command('STATUS "%s" (MESSAGES UNSEEN DELETED SIZE UIDNEXT UIDVALIDITY HIGHESTMODSEQ)' % name)
            found = next(r for r in c.untagged if r[1] == "STATUS")[3]
            status = {found[i]: int(found[i + 1]) for i in range(0, len(found), 2)}
            box.verify(rows, status)
            await self.compare_views(account, box, sorted(rows))
        await c.close()

    async def compare_views(self, account, box, uids):
        """After a NOOP every session sees the same messages."""
        for player in self.players:
            c = player.connection
            if player.account is account and c and c.box is box:
                await c.command("NOOP")
                await c.look()
                if c.view != uids:
                    raise Violation("%s: a session sees %s, there are %s" % (box.name, c.view, uids))

    def work(self):
        done = {}
        for p in self.players:
            for act, count in p.done.items():
                done[act] = done.get(act, 0) + count
        return "%d commands (%s), %d mails" % (sum(done.values()), ", ".join("%s %d" % d for d in sorted(done.items())), self.sent)

    def check_memory(self):
        last = self.memory[-1][0]

        def mean(begin, end):
            near = [m for t, m in self.memory if begin <= t <= end]
            return sum(near) / len(near)
        middle, late = mean(last / 3, last * 2 / 3), mean(last * 2 / 3, last)
        print("allocated memory: %.1f MB in the second third, %.1f MB in the last (%+.1f %%)" % (middle / 1e6, late / 1e6, (late / middle - 1) * 100))
        if last >= 1_800 and late > middle * 1.05:
            raise Violation("allocated memory grows")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=int, default=1800)
    p.add_argument("--clients", type=int, default=50)
    p.add_argument("--accounts", type=int, default=5)
    p.add_argument("--boxes", type=int, default=4)
    p.add_argument("--compressed", type=float, default=0.5)
    p.add_argument("--pause", type=float, default=30)
    p.add_argument("--seed", default=str(random.SystemRandom().randrange(10**6)))
    o = p.parse_args()
    print("seed %s" % o.seed, flush=True)
    soak = Soak(o)
    try:
        asyncio.run(soak.run())
        print("no wrong answer: " + soak.work())
    except Violation as e:
        print("VIOLATION: %s\n%s" % (e, soak.server.log_text()[-2000:]))
        sys.exit(1)
    finally:
        soak.server.remove()


if __name__ == "__main__":
    main()
