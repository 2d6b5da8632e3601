#!/usr/bin/env python3
"""Makes the data folder of today's schema that every later program must open: Tests/Folders/make.py

It writes schema-N.tar.xz, with the folders `stopped` (stopped in good order) and `killed` (the same, used on, and killed while its ledger was not
folded), each with its master key, and schema-N.json.xz: what an IMAP client sees of each. N is the schema of the program (MARTLET_BIN, or the newest build).
Run it once when a schema is final, and commit both. A schema's files are never made again: an existing one is not overwritten.
"""
import io
import json
import lzma
import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "Interop")]

import views  # noqa: E402
from server import Server  # noqa: E402
from wire import IMAP, SMTP  # noqa: E402

SETTINGS = {"limits.free-floor": 0, "logging.level": "info"}
SECOND = "zweite.example"
ACCOUNTS = ["alice@example.test", "bob@example.test", "carol@" + SECOND]
DISABLED = ACCOUNTS[2]
MANY = 4_200  # rows of a mailbox that is kept in blocks (4,096 and more)
KEYWORDS = 70  # of a mailbox: more than a row has places for
NOT_KEPT = ("tls", "lock", "control.sock")


def password(address):
    return "correct horse %s 42" % address.split("@")[0]


def login(server, address):
    imap = IMAP(server.host, server.port("imaps"), tls=True)
    imap.login(address, password(address))
    return imap


def mail(number, subject="number", lines=2, reply_to=None):
    """One of a thread when `reply_to` is another's number."""
    thread = "In-Reply-To: <m%d@remote.example>\r\n" % reply_to if reply_to else ""
    return ("From: Ann Other <ann@remote.example>\r\nTo: <alice@example.test>\r\nSubject: %s %d\r\nMessage-ID: <m%d@remote.example>\r\n%s"
            "Date: Fri, 2 Jan 2026 03:04:%02d +0000\r\n\r\n" % (subject, number, number, thread, number % 60)
            + "A line of text, of mail %d.\r\n" % number * lines).encode()


def date(number):
    return '"%02d-Jan-2026 10:%02d:00 +0200"' % (1 + number % 28, number % 60)


def fill(server):
    """Everything that a folder can hold, as clients make it."""
    with SMTP(server.host, server.port("smtp")) as smtp:
        for i in range(1, 9):
            assert smtp.deliver("ann@remote.example", ACCOUNTS[: 1 + i % 3], mail(i, "Delivered", reply_to=i - 1 if i % 4 else None))[0] == 250
    with login(server, ACCOUNTS[0]) as alice:
        for name in ("Projekte", "Projekte/B&APw-cher", "Projekte/B&APw-cher/&ZeVnLIqe-", "Old name", "Many", "Empty", "Gone", "Labels"):
            alice.command('CREATE "%s"' % name)
        alice.command('RENAME "Old name" "Projekte/New name"')
        alice.command('DELETE "Gone"')
        for name in ("INBOX", "Projekte", "Projekte/B&APw-cher/&ZeVnLIqe-", "Not there"):
            alice.command('SUBSCRIBE "%s"' % name)
        for i in range(20, 40):
            flags = ["\\Seen", "\\Flagged", "\\Answered \\Seen", "\\Draft", "$Label%d" % (i % 3), ""][i % 6]
            alice.command('APPEND "Projekte/B&APw-cher" (%s) %s ' % (flags, date(i)), mail(i, "Appended"))
        alice.command('APPEND "Projekte/New name" (\\Seen $Large) %s ' % date(40), mail(40, "Large", lines=9_600))
        alice.select("Projekte/B&APw-cher")
        alice.command("STORE 1:6 +FLAGS (\\Flagged $Work)")
        alice.command("STORE 3 -FLAGS (\\Flagged)")
        alice.command("STORE 10:13 +FLAGS (\\Deleted)")
        alice.command("UID EXPUNGE 11:13")
        alice.command('COPY 1:3 "Projekte"')
        alice.command('MOVE 4 "Projekte"')
        alice.command('COPY 1:4 "Many"')
        for i in range(80, 83):
            alice.command('APPEND "Labels" (\\Seen) %s ' % date(i), mail(i, "Labelled"))
        alice.select("Labels")
        alice.command("STORE 1:2 +FLAGS (%s)" % " ".join("label-%d" % n for n in range(KEYWORDS)))
        alice.command("STORE 2 -FLAGS (label-3 label-%d)" % (KEYWORDS - 1))
        alice.command('SETMETADATA "Projekte" (/shared/comment ', "Gr\u00fc\u00dfe".encode(), ' /private/comment "mine")')
        alice.command('SETMETADATA "" (/private/vendor/example/place "here")')
        alice.select("Many")
        count = 4
        while count < MANY:
            take = min(count, MANY - count)
            alice.command('COPY 1:%d "Many"' % take)
            count += take
        alice.command("UID STORE 100:300,2000:2100 +FLAGS.SILENT (\\Seen)")
        alice.command("UID STORE 4000:4100 +FLAGS.SILENT ($Work)")
        alice.command("UID STORE 500:520 +FLAGS.SILENT (\\Deleted)")
        alice.command("UID EXPUNGE 500:520")
    with login(server, ACCOUNTS[1]) as bob:
        bob.command('CREATE "Team"')
        bob.command('CREATE "Team/Seen only"')
        for i in range(50, 54):
            bob.command('APPEND "Team" (\\Seen) %s ' % date(i), mail(i, "Shared"))
        bob.command('SETACL "Team" %s lrswite' % ACCOUNTS[0])
        bob.command('SETACL "Team" -%s t' % ACCOUNTS[0])
        bob.command('SETACL "Team/Seen only" anyone lr')
        bob.command('SETACL "Team/Seen only" nobody.yet@example.test lrs')
        bob.command('SETMETADATA "Team" (/shared/comment "for all")')
    with login(server, ACCOUNTS[0]) as alice:
        team = next(n for n in views.listed(alice, "LIST") if n.endswith("/Team"))
        alice.select(team)
        alice.command('COPY 1:2 "Projekte"')
        alice.command("STORE 3 +FLAGS (\\Flagged)")
        alice.command('SETMETADATA "%s" (/private/comment "not for bob")' % team)
        alice.select("INBOX")
        alice.command('COPY 1:2 "%s"' % team)
    with login(server, DISABLED) as carol:
        carol.command("SUBSCRIBE INBOX")
        carol.command("APPEND Drafts (\\Draft) %s " % date(60), mail(60, "Draft"))


def use_on(server):
    """Changes that only the WAL and the ledger have when the server is killed upon the last answer."""
    with SMTP(server.host, server.port("smtp")) as smtp:
        for i in range(70, 74):
            assert smtp.deliver("ann@remote.example", ACCOUNTS[:2], mail(i, "After the start"))[0] == 250
    with login(server, ACCOUNTS[0]) as alice:
        alice.select("Labels")
        alice.command("UID STORE 2:3 +FLAGS.SILENT (label-3 label-%d)" % (KEYWORDS - 1))
        alice.select("Many")
        alice.command("UID STORE 1:* +FLAGS.SILENT ($Ledger)")
        alice.command("UID STORE 3000:3010 +FLAGS.SILENT (\\Deleted)")
        alice.command("UID EXPUNGE 3000:3010")
        server.kill()


def views_of(server):
    """What each account's client sees; the disabled one's after it was enabled."""
    seen = {}
    for address in ACCOUNTS:
        with login(server, address) as imap:
            seen[address] = views.account(imap)
            imap.command("LOGOUT")
    return seen


def ledger(data):
    """Records that are not folded, read from a copy: SQLite would change the folder."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("index.db", "index.db-wal"):
            if os.path.exists(os.path.join(data, name)):
                shutil.copy(os.path.join(data, name), scratch)
        db = sqlite3.connect(os.path.join(scratch, "index.db"))
        try:
            return db.execute("SELECT count(*) FROM ledger").fetchone()[0], db.execute("PRAGMA user_version").fetchone()[0]
        finally:
            db.close()


def keep(data, to):
    shutil.copytree(data, to, ignore=shutil.ignore_patterns(*NOT_KEPT))
    shutil.copy(data + ".key", to + ".key")


def pack(top, path):
    """Names, octets and nothing else of the files below `top`, alike folders near each other so that what they share is packed once."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for folder, folders, files in sorted(os.walk(top), key=lambda f: f[0].split(os.sep)[::-1]):
            for name in sorted(files):
                at = os.path.join(folder, name)
                info = tarfile.TarInfo(os.path.relpath(at, top))
                info.size, info.mode = os.path.getsize(at), 0o600
                with open(at, "rb") as f:
                    tar.addfile(info, f)
    with open(path, "wb") as f:
        f.write(lzma.compress(raw.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def unpack(archive, name, to):
    """The folder of that name as `to`, and its key beside it, with the modes that a data folder has."""
    os.makedirs(to, 0o700)
    with tarfile.open(archive) as tar:
        for member in tar:
            first, _, rest = member.name.partition("/")
            path = to + ".key" if first == name + ".key" else os.path.join(to, rest) if first == name else None
            if path is None:
                continue
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
                shutil.copyfileobj(tar.extractfile(member), f)


def main():
    server = Server(settings=SETTINGS)
    top = os.path.join(server.top, "made")
    os.mkdir(top)
    try:
        server.cli("init")
        for domain in ("example.test", SECOND):
            server.cli("domain", "add", domain)
        for address in ACCOUNTS:
            server.cli("account", "add", address, "--password-stdin", stdin=password(address) + "\n")
        server.cli("account", "quota", ACCOUNTS[1], "--storage", "20M", "--messages", "1000", "--mailboxes", "none")
        server.start()
        fill(server)
        seen = {"stopped": views_of(server)}
        assert server.stop() == 0
        server.cli("account", "disable", DISABLED)
        left, schema = ledger(server.data)
        keep(server.data, os.path.join(top, "stopped"))
        server.start()
        use_on(server)
        left, schema = ledger(server.data)
        assert left, "everything was folded before the server was killed: run it again"
        keep(server.data, os.path.join(top, "killed"))
        server.cli("account", "enable", DISABLED)
        server.start()
        seen["killed"] = views_of(server)
        name = os.path.join(HERE, "schema-%d" % schema)
        assert not os.path.exists(name + ".tar.xz"), "%s.tar.xz is there: what a schema wrote once is kept" % name
        pack(top, name + ".tar.xz")
        with open(name + ".json.xz", "wb") as f:
            f.write(lzma.compress(json.dumps(seen, ensure_ascii=False, indent=1).encode(), preset=9))
        print("%s: %d octets, and %d of what is seen; %d ledger records" % (
            name, os.path.getsize(name + ".tar.xz"), os.path.getsize(name + ".json.xz"), left))
    finally:
        server.remove()


if __name__ == "__main__":
    main()
