"""What happens to a data folder from outside: files that are gone, strange, old, damaged or written by somebody without the key."""
import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
import sys

import pytest
import server as serving
from conftest import Account
from wire import SMTP, Refused

FOLDERS = os.path.join(serving.ROOT, "Tests", "Folders")
sys.path.insert(0, FOLDERS)
import logins  # noqa: E402
import make  # noqa: E402

pytestmark = pytest.mark.own
SETTINGS = {"limits.free-floor": 0, "logging.level": "info"}
REMEDY = r"put .*back|backup|store recover"
DAMAGE = r"damaged|corrupt|not what was stored"


@pytest.fixture
def house():
    """A server that is not started, with the accounts ann, ben and cleo, whose logins cost little."""
    with serving.Server(settings=SETTINGS) as server:
        yield logins.unpack(server)


def mail(number, size=500):
    return b"X-Number: %d\r\nSubject: number %d\r\n\r\n" % (number, number) + b"%06d what is kept\r\n" % number * (size // 22)


def deliver(server, name, numbers, size=500):
    with SMTP(server.host, server.port("smtp")) as smtp:
        for n in numbers:
            assert smtp.deliver("x@remote.example", [server.address(name)], mail(n, size))[0] == 250


def filled(server):
    """Stopped, with mail of every kind in it; {name: {uid: octets}} of the inboxes."""
    server.start()
    for i, name in enumerate(logins.NAMES):
        deliver(server, name, range(100 * i, 100 * i + 12))
        deliver(server, name, [100 * i + 50], size=300_000)
    truth = {name: Account(server, name).bodies() for name in logins.NAMES}
    assert server.stop() == 0
    return truth


def picture(server):
    """{path: (octets, hash)} of all files beside and below the data folder; the lock, which names who had it last, by its name alone."""
    found = {server.key: digest(server.key)}
    for folder, folders, files in os.walk(server.data):
        found.update({os.path.join(folder, n) + "/": None for n in folders})
        for name in files:
            path = os.path.join(folder, name)
            found[path] = None if name == "lock" else digest(path)
    return found


def digest(path):
    with open(path, "rb") as f:
        data = f.read()
    return len(data), hashlib.sha256(data).hexdigest()


def at(server, *names):
    return os.path.join(server.data, *names)


def set_aside(server):
    """{hash: path} of the files below aside/."""
    return {digest(os.path.join(folder, name))[1]: os.path.join(folder, name) for folder, _, files in os.walk(at(server, "aside")) for name in files}


def notes(server):
    """What `store check` says beside problems."""
    return json.loads(server.cli("store", "check", "--json", check=False).stdout)["notes"]


def problems(server):
    """What `store check` names; its exit status agrees."""
    r = server.cli("store", "check", "--json", check=False)
    assert r.returncode in (0, 65), (r.returncode, r.stderr)
    try:
        found = json.loads(r.stdout)["problems"]
    except ValueError:
        found = r.stderr.strip().splitlines()
    assert (r.returncode == 65) == bool(found), (r.returncode, found)
    return found


def refusal(server):
    """What `serve` says when it ends with 65."""
    mark = len(server.log_text()) if os.path.exists(server.log) else 0
    with pytest.raises(serving.StartFailed):
        server.start()
    said = server.log_text()[mark:]
    assert server.process.returncode == 65, (server.process.returncode, said)
    return said


def everything(server, name):
    """{mailbox: {uid: (number, email id, hash)}} of all that the account has."""
    with Account(server, name).imap() as imap:
        listed = [r[4].decode() if isinstance(r[4], bytes) else r[4] for r in imap.command('LIST "" "*"')[1] if r[1] == "LIST"]
        found = {}
        for mailbox in listed:
            facts = imap.select(mailbox, "EXAMINE")
            rows = imap.fetch("1:*", "(UID EMAILID BODY.PEEK[])") if facts["EXISTS"] else {}
            assert len(rows) == facts["EXISTS"], "an answer that is short of a message"
            found[mailbox] = {uid: row(m) for uid, m in rows.items()}
        return found


def row(m):
    return int(re.search(rb"X-Number: (\d+)", m["BODY[]"])[1]), m["EMAILID"][0], hashlib.sha256(m["BODY[]"]).hexdigest()


# -- no index ------------------------------------------------------------------------------------------------------------


def move_away(server):
    os.rename(at(server, "index.db"), os.path.join(server.top, "index.db"))


def empty(server):
    os.truncate(at(server, "index.db"), 0)


def replace_by_a_folder(server):
    move_away(server)
    os.mkdir(at(server, "index.db"), 0o700)


def keep_bodies_alone(server):
    for name in os.listdir(server.data):
        if name not in ("segments", "large", "lock"):
            path = at(server, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


ORDERS = [["account", "list"], ["store", "check"], ["store", "compact"], ["store", "compact", "--all"], ["store", "status"], ["domain", "add", "new.example"],
          ["account", "remove", "ann@example.test", "--yes"], ["init"]]


@pytest.mark.parametrize("lose", [move_away, empty, replace_by_a_folder, keep_bodies_alone])
def test_no_command_touches_bodies_whose_index_is_gone(house, lose):
    filled(house)
    lose(house)
    before = picture(house)
    said = refusal(house)
    assert "index.db" in said and re.search(REMEDY, said), said
    assert picture(house) == before, "serve"
    for order in ORDERS:
        r = house.cli(*order, check=False)
        assert r.returncode == 65, (order, r.returncode, r.stdout, r.stderr)
        assert "index.db" in r.stdout + r.stderr and re.search(REMEDY, r.stdout + r.stderr), (order, r.stderr)
        assert picture(house) == before, order


@pytest.mark.parametrize("lose", [move_away, empty])
def test_an_index_that_is_put_back_serves_all_mail(house, lose):
    truth = filled(house)
    kept = os.path.join(house.top, "kept.db")
    shutil.copy(at(house, "index.db"), kept)
    lose(house)
    refusal(house)
    shutil.copy(kept, at(house, "index.db"))
    house.start()
    assert {name: Account(house, name).bodies() for name in logins.NAMES} == truth
    assert problems(house) == []


# -- strange files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where,name", [("segments", "999.mbs"), ("large", "99999.mbl")])
def test_a_file_that_the_index_does_not_know_is_set_aside_and_told(house, where, name):
    truth = filled(house)
    path = at(house, where, name)
    shutil.copy(at(house, where, sorted(os.listdir(at(house, where)))[0]), path)
    octets, hashed = digest(path)
    house.start()
    assert not os.path.exists(path), "it would be read or written as one of ours"
    assert hashed in set_aside(house)
    said = [l for l in house.log_with(re.escape(name)).splitlines() if name in l]
    assert said and "aside" in said[0], house.log_text()[-2000:]
    # A power cut leaves such files with nothing lost: it is told, and is no problem.
    assert problems(house) == []
    assert any(name in p for p in notes(house)), notes(house)
    assert {n: Account(house, n).bodies() for n in logins.NAMES} == truth
    house.cli("store", "compact", "--all")
    assert house.restart() and hashed in set_aside(house)
    listed = house.cli("store", "aside").stdout
    assert name in listed and hashed in set_aside(house), listed
    house.cli("store", "aside", "--remove")
    assert set_aside(house) == {} and not any("aside" in n for n in notes(house))


# -- the write-ahead log -----------------------------------------------------------------------------------------------------


def flip_in_the_middle(server):
    path = at(server, "index.db-wal")
    with open(path, "r+b") as f:
        middle = os.path.getsize(path) // 2
        f.seek(middle)
        octets = f.read(4)
        f.seek(middle)
        f.write(bytes(o ^ 0x5A for o in octets))


def delete(server):
    os.unlink(at(server, "index.db-wal"))


@pytest.mark.parametrize("harm", [flip_in_the_middle, delete])
def test_mail_whose_rows_the_write_ahead_log_lost_is_kept_told_and_recovered(house, harm):
    filled(house)
    house.start()
    deliver(house, "ann", range(1000, 1030))
    shown = everything(house, "ann")["INBOX"]
    with Account(house, "ann").imap() as imap:
        validity = imap.select("INBOX", "EXAMINE")["UIDVALIDITY"]
    assert {n for n, _, _ in shown.values()} >= set(range(1000, 1030))
    house.kill()
    harm(house)
    log = at(house, "index.db-wal")
    damaged = digest(log)[1] if os.path.exists(log) else None
    bodies = {name: open(at(house, "segments", name), "rb").read().rstrip(b"\0") for name in os.listdir(at(house, "segments"))}
    mark = len(house.log_text())
    house.start()
    said = house.log_with("WAL|beyond|index does not know", mark)
    assert re.search("(index.db-wal|WAL).*damaged|damaged.*(index.db-wal|WAL)" if damaged else "beyond|index does not know", said), said[-2000:]
    if damaged:
        assert damaged in set_aside(house), "the damaged log is evidence"
    kept = [open(os.path.join(folder, n), "rb").read() for folder, _, files in os.walk(house.data) for n in files if n.endswith(".mbs") or "aside" in folder]
    for name, octets in bodies.items():
        assert any(octets in k for k in kept), "%s was cut where records lie" % name
    assert problems(house)

    # What a client saw keeps its meaning.
    deliver(house, "ann", range(2000, 2005))
    now = everything(house, "ann")["INBOX"]
    with Account(house, "ann").imap() as imap:
        same = imap.select("INBOX", "EXAMINE")["UIDVALIDITY"] == validity
    for uid, (number, email, hashed) in now.items():
        assert not same or shown.get(uid, (number, email, hashed)) == (number, email, hashed), "UID %d has another meaning" % uid
    known = {email: number for number, email, _ in shown.values()}
    for number, email, _ in now.values():
        assert known.get(email, number) == number, "EMAILID %s has another meaning" % email

    assert house.stop() == 0
    house.cli("store", "recover", "--apply")
    house.start()
    back = {number for rows in everything(house, "ann").values() for number, _, _ in rows.values()}
    assert back >= set(range(1000, 1030)) | set(range(2000, 2005)) | set(range(12))
    of_ben = {number for rows in everything(house, "ben").values() for number, _, _ in rows.values()}
    assert of_ben == set(range(100, 112)) | {150}, "nobody gets another's mail"


# -- older indexes -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def rows_of(server):
    """The index as one without the key can read and write it."""
    with contextlib.closing(sqlite3.connect(at(server, "index.db"))) as db:
        yield db
        db.commit()


def schema(server):
    with rows_of(server) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]


@pytest.mark.parametrize("how", ["the index of then", "its number set back"])
def test_an_index_of_an_older_schema_is_refused_once_the_key_has_seen_a_newer_one(how):
    with serving.Server(settings=SETTINGS) as server:
        make.unpack(os.path.join(FOLDERS, "schema-4.tar.xz"), "stopped", server.data)
        old = os.path.join(server.top, "old.db")
        shutil.copy(at(server, "index.db"), old)
        server.start()
        assert server.stop() == 0
        assert schema(server) > 4, "this program has no schema that is newer than 4"
        if how == "the index of then":
            shutil.copy(old, at(server, "index.db"))
        else:
            with rows_of(server) as db:
                db.execute("PRAGMA user_version=4")
        said = refusal(server)
        assert "index" in said and re.search("older|" + DAMAGE, said), said
        assert server.cli("account", "list", check=False).returncode == 65
        if how != "the index of then":
            return
        # It may be meant so, and that is said in so many words.
        server.cli("store", "confirm", "--older-index")
        server.start()
        kept = [n for n in os.listdir(server.data) if n.startswith("index.db.schema-4")]
        assert kept and any("store confirm" in n for n in notes(server)), (kept, notes(server))
        server.cli("store", "confirm")
        assert [n for n in os.listdir(server.data) if n.startswith("index.db.")] == [] and notes(server) == []


# -- rows that were written without the key ------------------------------------------------------------------------------------


def wrong_rows(server):
    """What each account's client is shown that was never stored, or not shown without a word. To refuse is right."""
    wrong = []
    for name in server.passwords:
        try:
            imap = Account(server, name).imap()
        except Refused:
            continue
        with imap:
            try:
                exists = imap.select("INBOX", "EXAMINE")["EXISTS"]
                found = imap.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE EMAILID BODY.PEEK[])")
                if len(found) != exists or exists != 13:
                    wrong.append("%s: OK with %d of %d messages" % (name, len(found), exists))
                wrong += ["%s: %d" % (name, uid) for uid, m in found.items() if facts(m) != server.truth[name][uid]]
            except Refused as e:
                assert str(e).startswith("NO"), e
    return wrong


def facts(m):
    return sorted(set(m["FLAGS"]) - {"\\Recent"}), m["INTERNALDATE"], m["RFC822.SIZE"], m["EMAILID"], m["BODY[]"]


def remember(server):
    server.truth = {}
    for name in server.passwords:
        with Account(server, name).imap() as imap:
            imap.select("INBOX", "EXAMINE")
            server.truth[name] = {uid: facts(m) for uid, m in imap.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE EMAILID BODY.PEEK[])").items()}


FORGERIES = {
    "a flag": "UPDATE message SET flags=flags|2 WHERE uid=3",
    "a date": "UPDATE message SET internal_date=internal_date-86400 WHERE uid=3",
    "a date before all time": "UPDATE message SET internal_date=-9223372036854775808 WHERE uid=3",
    "another's body": "UPDATE message SET body=(SELECT body FROM message AS m WHERE m.mailbox=message.mailbox AND m.uid=4) WHERE uid=3",
    "a missing row": "DELETE FROM message WHERE uid=3",
    "a size below nothing": "UPDATE body SET size=-5 WHERE id=3",
    "a size above all": "UPDATE body SET size=1099511627776 WHERE id=3",
    "a position at the end of numbers": "UPDATE body SET position=9223372036854775807 WHERE id=3",
    "a length below nothing": "UPDATE body SET length=-1 WHERE id=3",
    "a mailbox's size": "UPDATE mailbox SET size=-9223372036854775808",
    "a mailbox's count": "UPDATE mailbox SET messages=9223372036854775807",
    "a mailbox's next UID": "UPDATE mailbox SET uid_next=2",
    "a mailbox's name": "UPDATE mailbox SET sealed_name=x'00' WHERE id=(SELECT max(id) FROM mailbox)",
    "an account's key": "UPDATE account SET sealed_key=(SELECT sealed_key FROM account WHERE id=1) WHERE id=2",
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_row_that_was_written_without_the_key_is_refused_and_named(house, what):
    filled(house)
    house.start()
    remember(house)
    assert house.stop() == 0
    with rows_of(house) as db:
        assert db.execute(FORGERIES[what]).rowcount, "the forgery does nothing"
    mark = len(house.log_text())
    try:
        house.start()
    except serving.StartFailed:
        assert house.process.returncode == 65, house.log_text()[mark:]
        assert re.search(DAMAGE, house.log_text()[mark:]) and re.search(REMEDY, house.log_text()[mark:])
        assert problems(house)
        return
    wrong = wrong_rows(house)
    assert house.alive(), house.log_text()[-3000:]
    assert not wrong
    assert re.search(DAMAGE, house.log_with(DAMAGE, mark)), house.log_text()[mark:]
    assert problems(house)


def test_another_accounts_password_opens_no_mailbox(house):
    filled(house)
    with rows_of(house) as db:
        db.execute("UPDATE account SET password=(SELECT password FROM account WHERE name LIKE 'ann@%') WHERE name LIKE 'ben@%'")
    mark = len(house.log_text())
    try:
        house.start()
    except serving.StartFailed:
        assert house.process.returncode == 65, house.log_text()[mark:]
        assert re.search(DAMAGE, house.log_text()[mark:])
    else:
        house.passwords["ben"] = house.passwords["ann"]
        with pytest.raises(Refused):
            Account(house, "ben").imap()
        assert re.search(DAMAGE, house.log_with(DAMAGE, mark)), house.log_text()[mark:]
    assert problems(house)
