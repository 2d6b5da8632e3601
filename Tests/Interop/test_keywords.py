"""More keywords than a message's flags have bits for, by a stock client, IMAPClient; across a crash, and across the loss of the index."""
import contextlib
import glob
import os
import sqlite3
import sys

import pytest
import server as serving
from conftest import Account
from wire import lax_tls

FOLDERS = os.path.join(serving.ROOT, "Tests", "Folders")
sys.path.insert(0, FOLDERS)
import make  # noqa: E402

pytestmark = pytest.mark.own

NAMES = [b"label-%d" % i for i in range(1_000)]
MAIL = b"From: a@remote.example\r\nTo: b@example.test\r\nSubject: kept\r\n\r\nText.\r\n"


def client(account):
    imapclient = pytest.importorskip("imapclient")
    c = imapclient.IMAPClient(account.server.host, account.server.port("imaps"), ssl_context=lax_tls(), timeout=60)
    c.login(account.user, account.password)
    return c


def flags(account):
    """By folder and UID, without \\Recent."""
    with client(account) as c:
        found = {}
        for folder in ["INBOX", "Archive"]:
            c.select_folder(folder)
            found[folder] = {uid: set(f) - {b"\\Recent"} for uid, f in c.get_flags(c.search("ALL")).items()}
        return found


def test_a_thousand_keywords(own_server):
    server = own_server()
    account = Account(server, "alice")
    with client(account) as c:
        for _ in range(3):
            c.append("INBOX", MAIL)
        opened = c.select_folder("INBOX")
        assert b"\\*" in opened[b"PERMANENTFLAGS"]
        assert set(c.add_flags([1], NAMES)[1]) >= set(NAMES)
        c.add_flags([2], NAMES[-3:])
        assert c.search(["KEYWORD", "LABEL-999"]) == [1, 2] and c.search(["UNKEYWORD", "label-999"]) == [3]
        c.copy([1, 2], "Archive")
        c.move([2], "Archive")
        c.append("INBOX", MAIL, flags=[b"label-500", b"\\Flagged"])
        # None is left over: a message that comes with one more comes without it.
        rest = [b"more-%d" % i for i in range(83)]
        c.add_flags([1], rest)
        opened = c.select_folder("INBOX")
        assert b"\\*" not in opened[b"PERMANENTFLAGS"] and len(opened[b"FLAGS"]) >= 1_083
        with pytest.raises(Exception, match="LIMIT"):
            c.add_flags([3], [b"too-many"])
        c.append("INBOX", MAIL, flags=[b"too-many", b"label-7"])
    before = flags(account)
    assert before["INBOX"][1] == set(NAMES) | set(rest) and before["INBOX"][4] == {b"label-500", b"\\Flagged"}
    assert before["INBOX"][5] == {b"label-7"} and before["INBOX"][3] == set()
    assert before["Archive"] == {1: set(NAMES), 2: set(NAMES[-3:]), 3: set(NAMES[-3:])}
    server.kill()
    server.start()
    assert flags(account) == before
    # What no message has makes way.
    with client(account) as c:
        c.select_folder("INBOX")
        c.remove_flags([1], NAMES[:100])
        assert b"\\*" in c.select_folder("INBOX")[b"PERMANENTFLAGS"]
        assert c.add_flags([3], [b"fresh-%d" % i for i in range(90)])[3]
    before = flags(account)
    assert len(before["INBOX"][3]) == 90 and before["INBOX"][1] == set(NAMES[100:]) | set(rest)
    server.stop()
    server.cli("store", "check")
    for path in glob.glob(os.path.join(server.data, "index.db*")):
        os.unlink(path)
    server.cli("store", "recover", "--apply")
    server.start()
    assert flags(account) == before
    server.stop()
    server.cli("store", "check")


def names_of(imap):
    names = [item[4] for item in imap.command('LIST "" "*"')[1] if item[1:2] == ["LIST"] and "\\Noselect" not in item[2]]
    return [n.decode() if isinstance(n, bytes) else n for n in names]


def shown(imap, name):
    """The flags of each message, without \\Recent."""
    if not imap.select(name).get("EXISTS"):
        return []
    return [set(item["FLAGS"]) - {"\\Recent"} for _, item in sorted(imap.fetch("1:*", "(UID FLAGS)").items())]


def test_a_folder_of_before_with_all_its_59_keywords():
    """Flags of an index of schema 4, in rows and in the ledger, are what they were; the highest bit too."""
    names = ["old-%d" % i for i in range(59)]
    with serving.Server(settings=make.SETTINGS) as server:
        make.unpack(os.path.join(FOLDERS, "schema-4.tar.xz"), "stopped", server.data)
        with contextlib.closing(sqlite3.connect(os.path.join(server.data, "index.db"))) as db:
            box, account, uids = db.execute(
                "SELECT mailbox, account, count(*) FROM message JOIN mailbox ON mailbox.id=mailbox GROUP BY mailbox ORDER BY account, mailbox").fetchone()
            rows = db.execute("SELECT uid, flags FROM message WHERE mailbox=? ORDER BY uid", (box,)).fetchall()
            assert len(rows) == uids >= 6
            db.execute("UPDATE mailbox SET keywords=? WHERE id=?", (" ".join(names), box))
            # The first has all, the second the last, the others none; a record that waits gives the third the last two, and takes the first's last.
            for number, (uid, _) in enumerate(rows):
                bits = [-1 & ~8, -(1 << 63)][number] if number < 2 else 0
                db.execute("UPDATE message SET flags=? WHERE mailbox=? AND uid=?", (bits, box, uid))
            db.execute("UPDATE mailbox SET deleted=0, unseen=? WHERE id=?", (uids - 1, box))
            top = db.execute("SELECT mod_seq FROM account WHERE id=?", (account,)).fetchone()[0]
            packed = bytes([rows[2][0], 0])
            assert rows[2][0] < 128
            db.execute("INSERT INTO ledger VALUES (1000, ?, ?, 2, ?, ?, ?, 0, ?)", (box, account, -1, -(1 << 63) | 1 << 62, top, packed))
            db.execute("INSERT INTO ledger VALUES (1001, ?, ?, 2, ?, 0, ?, 0, ?)", (box, account, (1 << 63) - 1, top, bytes([rows[0][0], 0])))
            db.execute("DELETE FROM directory WHERE mailbox=?", (box,))
            db.commit()
        server.start()
        with make.login(server, make.ACCOUNTS[0]) as imap:
            opened = [n for n, f in ((n, shown(imap, n)) for n in names_of(imap)) if any("old-58" in flags for flags in f)]
            assert len(opened) == 1, opened
            found = shown(imap, opened[0])
            system = {"\\Seen", "\\Answered", "\\Flagged", "\\Draft"}
            assert found[0] == system | set(names[:58]), found[0]
            assert found[1] == {"old-58"} and found[2] == {"old-57", "old-58"} and not any(found[3:])
            imap.command("STORE 4 +FLAGS.SILENT (the-60th)")
        assert server.stop() == 0
        server.cli("store", "check")
        server.start()
        with make.login(server, make.ACCOUNTS[0]) as imap:
            assert shown(imap, opened[0]) == found[:3] + [{"the-60th"}] + found[4:]
