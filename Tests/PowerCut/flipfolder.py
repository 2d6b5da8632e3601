"""The data folder whose octets are flipped: stopped in good order, and used on and killed."""
import os
import random
import shutil

import logins
from damage import Cost, Places
from logins import NAMES
from reading import MAILBOXES, WORD, Wrong, check, read_all
from server import Server
from wire import IMAP, SMTP

SETTINGS = {"limits.free-floor": 0, "auth.plaintext-on-loopback": True, "logging.level": "info"}
KINDS = {"index.db": 5, "index.db-wal": 3, "search.db": 2, "segments": 4, "large": 1}  # how often each is hit


def mail(number, size=300):
    chance = random.Random(number)
    words = " ".join(chance.choice(["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]) + str(chance.randrange(400)) for _ in range(size // 9))
    lines = "\r\n".join(words[i : i + 72] for i in range(0, len(words), 72))
    return ("From: <x@remote.example>\r\nSubject: %s %d\r\nMessage-ID: <f%d@remote.example>\r\n\r\n%s\r\n" % (
        WORD if number % 3 else "plain", number, number, lines)).encode()


def fill(server):
    number = 0
    with SMTP(server.host, server.port("smtp")) as smtp:
        for number in range(1, 121):
            to = [NAMES[number % 3]] + [NAMES[(number + 1) % 3]] * (number % 5 == 0)
            if smtp.deliver("x@remote.example", [server.address(n) for n in to], mail(number, 200 + number * 37 % 3000))[0] != 250:
                raise Wrong("the folder cannot be made")
    for name in NAMES:
        with IMAP(server.host, server.port("imap")) as imap:
            imap.login(server.address(name), server.passwords[name])
            for mailbox in MAILBOXES[1:]:
                imap.command('CREATE "%s"' % mailbox)
            for tag in [imap.start('APPEND "Work" (%s) "0%d-Mar-2025 10:00:00 +0000" ' % (["\\Seen", "$Work", ""][i % 3], 1 + i % 9),
                                   mail(number + i, 300 + i * 53 % 4000)) for i in range(1, 51)]:
                imap.finish(tag)
            number += 50
            imap.command('APPEND "Large" (\\Flagged) ', mail(number + 1, 270_000))
            number += 1
            imap.select("Work")
            imap.command('COPY 1:20 "Work/Copies"')
            imap.command("STORE 5:15 +FLAGS.SILENT (\\Flagged)")
            imap.command("STORE 30:34 +FLAGS.SILENT (\\Deleted)")
            imap.command("EXPUNGE")
            imap.select("INBOX")
            imap.command('COPY 1:30 "Work/Copies"')
            imap.command("STORE 1:10 +FLAGS.SILENT (\\Seen)")
            imap.command("LOGOUT")


def use_on(server):
    """New mail, large and small, and flags that are not folded when the server is killed."""
    with SMTP(server.host, server.port("smtp")) as smtp:
        for i in range(30):
            if smtp.deliver("x@remote.example", [server.address(NAMES[i % 3])], mail(9000 + i, 270_000 if i == 7 else 900))[0] != 250:
                raise Wrong("the folder cannot be made")
    sessions = []
    for name in NAMES:
        imap = IMAP(server.host, server.port("imap"))
        imap.login(server.address(name), server.passwords[name])
        imap.select("Work/Copies")
        sessions.append(imap)
    for imap in sessions:
        imap.command("UID STORE 1:* +FLAGS.SILENT ($Late)")
    server.kill()
    for imap in sessions:
        imap.close()


class Variant:
    """A folder, its key beside it, and what an unharmed server shows of it."""

    def __init__(self, server, top, name):
        self.name, self.folder = name, os.path.join(top, name)
        shutil.copytree(server.data, self.folder, ignore=shutil.ignore_patterns("*.sock", "lock"))
        self.places = Places(self.folder)
        self.truth = None
        self.files = {k: [] for k in KINDS}
        for folder, _, files in os.walk(self.folder):
            for file in files:
                path = os.path.relpath(os.path.join(folder, file), self.folder)
                kind = path.split(os.sep)[0]
                if kind in self.files and self.used(path):
                    self.files[kind].append(path)

    def used(self, path):
        """Octets before the zeros that may lie at the end."""
        with open(os.path.join(self.folder, path), "rb") as f:
            return len(f.read().rstrip(b"\0"))


def make(top):
    """Both variants, and the passwords."""
    server = Server(settings=SETTINGS)
    try:
        logins.unpack(server).start()
        fill(server)
        if server.stop() != 0:
            raise Wrong("the server did not stop in good order")
        stopped = Variant(server, top, "stopped")
        server.start()
        stopped.truth = read_all(server)
        use_on(server)
        killed = Variant(server, top, "killed")
        shutil.copy(server.key, os.path.join(top, "key"))
        server.start()
        killed.truth = read_all(server)
        server.stop()
        report = check(server)
        if report:
            raise Wrong("`store check` finds fault with an unharmed folder: %s" % report)
        return [stopped, killed], server.passwords
    finally:
        server.remove()


def flip(variant, data, chance):
    """Changes octets of one file below `data`; what was done, in words, and what it may cost."""
    kinds = [k for k in KINDS if variant.files[k]]
    kind = chance.choices(kinds, [KINDS[k] for k in kinds])[0]
    path = chance.choice(sorted(variant.files[kind]))
    used = variant.used(path)
    if chance.random() < 0.5:
        start = chance.randrange(max(1, used - 3))
        changes = [(start + i, chance.randint(1, 255)) for i in range(min(4, used))]
    else:
        changes = [(chance.randrange(used), 1 << chance.randrange(8)) for _ in range(chance.randint(1, 8))]
    cost = Cost()
    with open(os.path.join(data, path), "r+b") as f:
        for at, mask in changes:
            f.seek(at)
            octet = f.read(1)[0]
            f.seek(at)
            f.write(bytes([octet ^ mask]))
            cost.add(variant.places.of(path, at))
    return kind, "%s %s: %s" % (variant.name, path, ", ".join("%d^%02x" % c for c in changes)), cost
