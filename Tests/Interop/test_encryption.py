"""What lies on the disk says nothing of the mail to who has not the key, and nothing that was tampered with is served."""
import base64
import contextlib
import glob
import os
import random
import re
import shutil
import sqlite3
import subprocess
import zlib

import generate
import mailset
import pytest
import server as serving
from conftest import Account
from wire import SMTP, Refused

pytestmark = pytest.mark.own
LETTERS = re.compile(rb"[A-Za-z]{6,}")
BASE64 = re.compile(rb"[A-Za-z0-9+/\-_]{12,}={0,2}")
ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")


def layers(data, depth=2):
    """The octets, and whatever they give when decoded as base64 or inflated wherever that looks possible."""
    yield data
    if not depth:
        return
    for m in BASE64.finditer(data):
        for skip in range(4):
            text = m[0][skip:].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            yield from layers(base64.b64decode(text[: len(text) // 4 * 4]), 0)
    for m in ZLIB.finditer(data):
        yield from inflated(data[m.start() : m.start() + (1 << 20)], 47, depth)
    for start in {0, 8, 16, 28, 32} if len(data) < 64 << 20 else ():
        yield from inflated(data[start : start + (1 << 20)], -15, depth)


def inflated(data, window, depth):
    try:
        out = zlib.decompressobj(window).decompress(data, 1 << 20)
    except zlib.error:
        return
    if len(out) >= 6:
        yield from layers(out, depth - 1)


def found(words, data):
    """Those of the words that stand in the data, in any case where they are long."""
    hits = set()
    for layer in layers(data):
        for m in LETTERS.finditer(layer):
            run = m[0]
            hits.update(w for n in range(6, min(len(run), 20) + 1) for i in range(len(run) - n + 1) if (w := run[i : i + n]) in words)
    return hits


def everything(server):
    """{path: octets} of the data folder and of what lies in the folder for temporary files."""
    contents = {}
    for top in (server.data, os.path.join(server.top, "tmp")):
        for folder, _, files in os.walk(top):
            for name in files:
                path = os.path.join(folder, name)
                try:
                    with open(path, "rb") as f:
                        contents[path] = f.read()
                except OSError:
                    pass
    return contents


def invented_words():
    """A message of 800 words that nothing else has, so that there are enough to look for where the real mail is absent."""
    random_ = random.Random(11)
    word = lambda: "".join(random_.choice("bdfgklmnprstvz") + random_.choice("aeiou") for _ in range(random_.randint(4, 6)))
    lines = [" ".join(word() for _ in range(8)) for _ in range(100)]
    return generate.Awkward(9_999, "invented words", ("Subject: %s\r\n\r\n" % word() + "\r\n".join(lines) + "\r\n").encode(), needs=set())


@pytest.fixture(scope="module")
def filled():
    """A server with mail; what its folder held before the mail; the mail as it is given back, by UID."""
    s = serving.Server(settings={"limits.free-floor": 0})
    os.mkdir(os.path.join(s.top, "tmp"))
    s.extra["TMPDIR"] = os.path.join(s.top, "tmp")
    s.make("alice", "bob").start()
    alice = Account(s, "alice")
    alice.imap().close()
    s.restart()
    before = everything(s)
    mails = mailset.generated(120, small=True, seed=3) + mailset.real() + [invented_words()]
    with SMTP(s.host, s.port("smtp")) as smtp:
        for m in mails:
            options = " ".join(["BODY=8BITMIME"] * ("8BITMIME" in m.needs) + ["SMTPUTF8"] * ("SMTPUTF8" in m.needs))
            assert smtp.deliver(m.sender, [alice.address, s.address("bob")], m.data, options)[0] == 250, m.name
    with alice.imap() as imap:
        imap.command("CREATE Confidential")
        imap.command("APPEND Confidential (\\Seen $Work) ", mails[0].data)
        imap.command("SUBSCRIBE Unmistakable")
    yield s, before, mails
    s.remove()


def test_the_search_finds_what_is_there():
    words = {b"confidential", b"unmistakable"}
    for hidden in (b"confidential", base64.b64encode(b"x confidential y"), base64.b64encode(b"xy confidential")[1:] + b"AA",
                   zlib.compress(b"so confidential"), zlib.compress(base64.b64encode(b"very confidential indeed"))):
        assert found(words, random.Random(1).randbytes(5000) + hidden + random.Random(2).randbytes(500)) == {b"confidential"}, hidden
    assert found(words, random.Random(1).randbytes(1 << 20)) == set()


def test_no_word_of_the_mail_is_on_the_disk(filled):
    server, before, mails = filled
    common = set()
    for data in before.values():
        for layer in layers(data):
            common.update(m[0].lower() for m in LETTERS.finditer(layer))
    for key in [server.address("alice"), server.data, "certificate private example work localhost"]:
        common.update(m[0].lower() for m in LETTERS.finditer(key.encode()))
    # Words as people write them; base64 has its own.
    words = {w for m in mails for w in re.findall(rb"(?<![A-Za-z])[A-Z]?[a-z]{5,19}(?![A-Za-z])", m.data[:100_000])}
    words = sorted(w for w in words if not any(w.lower() in c or c in w.lower() for c in common))
    random.Random(5).shuffle(words)
    chosen = set(words[:2000]) | {b"Confidential", b"Unmistakable"}
    assert len(chosen) >= 1000
    # A large message on its way is in a temporary file.
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.envelope("a@remote.example", [server.address("alice")]) is None
        smtp.command("DATA")
        smtp.send(b"Subject: x\r\n\r\n" + (b" ".join(sorted(chosen)) + b"\r\n") * 100)
        while_running = everything(server)
    server.stop()
    for contents in (while_running, everything(server)):
        assert sum(map(len, contents.values())) > 1 << 20
        for path, data in contents.items():
            hits = found(chosen, data)
            assert not hits, (path, sorted(hits)[:20])
    server.start()


# -- tampering ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(own_server):
    """A stopped server with few mails, some in a file of their own; and what it gives back."""
    server = own_server(settings={"limits.free-floor": 0})
    alice = Account(server, "alice")
    with SMTP(server.host, server.port("smtp")) as smtp:
        for i in range(30):
            size = 400_000 if i % 10 == 0 else 3000
            body = b"Subject: number %d\r\nMessage-ID: <%d@remote.example>\r\n\r\n" % (i, i) + (b"%d filler\r\n" % i) * (size // 11)
            assert smtp.deliver("a@remote.example", [alice.address], body)[0] == 250
    with alice.imap() as imap:
        for name in ("One", "Two"):
            imap.command("CREATE " + name)
    truth = alice.bodies()
    server.stop()
    return server, alice, truth


def served(server, alice, truth):
    """How many messages are refused. None may be served with other octets or with another's envelope."""
    try:
        server.start()
    except serving.StartFailed as e:
        assert len(str(e)) > 40, "it says why"
        return len(truth)
    refused = 0
    try:
        imap = alice.imap()
        facts = imap.select("INBOX")
    except (Refused, AssertionError):
        return len(truth)
    for uid, body in truth.items():
        try:
            got = imap.fetch(uid, "(UID BODY.PEEK[])").get(uid)
            envelope = imap.fetch(uid, "(UID ENVELOPE)").get(uid)
        except Refused:
            refused += 1
            continue
        if not got or not envelope or got.get("BODY[]") is None:
            refused += 1
            continue
        assert got["BODY[]"] == body, "UID %d was served with other octets" % uid
        assert envelope["ENVELOPE"][1] == re.search(rb"Subject: (.*)\r\n", body)[1], "UID %d was served with another's envelope" % uid
    text, untagged = imap.command('LIST "" *')
    names = [r[4].decode() if isinstance(r[4], bytes) else r[4] for r in untagged if r[1] == "LIST"]
    assert set(names) <= {"INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive", "One", "Two"}, names
    imap.close()
    server.stop()
    return refused


class Backup:
    """Puts the folder back as it was."""

    def __init__(self, server):
        self.server = server
        self.copy = server.data + ".copy"
        shutil.copytree(server.data, self.copy, ignore=shutil.ignore_patterns("*.sock"))

    def restore(self):
        self.server.kill()
        shutil.rmtree(self.server.data)
        shutil.copytree(self.copy, self.server.data)


def index(server):
    (path,) = [p for p in glob.glob(os.path.join(server.data, "**"), recursive=True)
               if os.path.isfile(p) and open(p, "rb").read(15) == b"SQLite format 3" and os.path.basename(p) != "search.db"]
    return path


def test_flipped_octets_of_bodies_are_never_served(small):
    server, alice, truth = small
    backup, chance, refused = Backup(server), random.Random(1), 0
    files = [p for p in glob.glob(os.path.join(server.data, "**"), recursive=True) if os.path.isfile(p) and p.endswith((".mbs", ".mbl"))]
    assert files
    for _ in range(4):
        for path in files:
            with open(path, "r+b") as f:
                data = f.read()
                for _ in range(3):
                    at = chance.randrange(len(data))
                    f.seek(at)
                    f.write(bytes([data[at] ^ 1 << chance.randrange(8)]))
        mark = len(server.log_text())
        now = served(server, alice, truth)
        assert now, "a flipped octet was not noticed"
        log = server.log_with("corrupt|tamper|not what was stored|damaged|missing", mark)
        assert re.search("corrupt|tamper|not what was stored|damaged|missing", log, re.I), log[-1500:]
        r = server.cli("store", "check", check=False)
        assert r.returncode != 0 and (r.stdout + r.stderr).strip(), "store check reports it"
        refused += now
        backup.restore()
    assert served(server, alice, truth) == 0


@pytest.mark.parametrize("table,columns,noticed", [
    ("body", ["outline"], True), ("body", ["segment", "position", "length", "size"], True), ("body", ["size"], True), ("holder", ["sealed_key"], True),
    ("mailbox", ["sealed_name"], True), ("account", ["sealed_key"], True), ("message", ["body"], False)])
def test_swapped_records_are_never_served(small, table, columns, noticed):
    server, alice, truth = small
    with contextlib.closing(sqlite3.connect(index(server))) as db, db:
        where = " WHERE segment != 0" if table == "body" else ""
        rows = db.execute("SELECT rowid, %s FROM %s%s" % (", ".join(columns), table, where)).fetchall() if table not in ("holder", "message") else None
        if rows is None:
            keys = {"holder": "body, account", "message": "mailbox, uid"}[table]
            rows = db.execute("SELECT %s, %s FROM %s" % (keys, ", ".join(columns), table)).fetchall()
            a = rows[3]
            b = next(r for r in rows[4:] if r[2:] != a[2:])
            for (k1, k2, *_), (_, _, *values) in ((a, b), (b, a)):
                db.execute("UPDATE %s SET %s WHERE (%s) = (?, ?)" % (table, ", ".join(c + "=?" for c in columns), keys), (*values, k1, k2))
        else:
            a = rows[0]
            b = next(r for r in rows if r[1:] != a[1:])
            for (key, *_), (_, *values) in ((a, b), (b, a)):
                db.execute("UPDATE %s SET %s WHERE rowid=?" % (table, ", ".join(c + "=?" for c in columns)), (*values, key))
    mark = len(server.log_text())
    if table == "message":
        # Who can write the index can put a body at another's UID, as he can delete it: what is served is that whole message or nothing.
        server.start()
        try:
            assert set(alice.bodies().values()) <= set(truth.values())
        except Refused as e:
            assert "SERVERBUG" in str(e), e
        return
    refused = served(server, alice, truth)
    if table in ("body", "holder", "account"):
        assert refused, "swapped records were served"
    log = server.log_with("corrupt|tamper|not what was stored|master key|damaged", mark)
    assert re.search("corrupt|tamper|not what was stored|master key|damaged", log, re.I), log[-1500:]


def test_swapped_files_are_never_served(small):
    server, alice, truth = small
    files = sorted(glob.glob(os.path.join(server.data, "large", "*")))
    assert len(files) >= 2
    os.rename(files[0], files[0] + ".x")
    os.rename(files[1], files[0])
    os.rename(files[0] + ".x", files[1])
    assert served(server, alice, truth) >= 1


def test_cut_files_are_never_served(small):
    server, alice, truth = small
    for path in glob.glob(os.path.join(server.data, "large", "*"))[:1] + glob.glob(os.path.join(server.data, "segments", "*"))[:1]:
        os.truncate(path, os.path.getsize(path) - 1000)
    assert served(server, alice, truth) >= 2


def test_another_master_key_reads_nothing(small):
    server, alice, truth = small
    with open(server.key) as f:
        own = f.read()
    with open(server.key, "w") as f:
        f.write(os.urandom(32).hex() + "\n")
    with pytest.raises(serving.StartFailed) as e:
        server.start(timeout=20)
    assert "key" in str(e.value)
    with open(server.key, "w") as f:
        f.write(own)
    assert served(server, alice, truth) == 0


def test_a_removed_account_cannot_be_read_with_the_key_of_the_server(small):
    """Its key is gone: what is left of its bodies is of no use."""
    server, alice, truth = small
    server.start()
    server.cli("account", "remove", alice.address, "--yes")
    server.stop()
    with sqlite3.connect(index(server)) as db:
        assert db.execute("SELECT count(*) FROM account WHERE name LIKE 'alice%'").fetchone()[0] == 0
        assert db.execute("SELECT count(*) FROM holder").fetchone()[0] == 0
