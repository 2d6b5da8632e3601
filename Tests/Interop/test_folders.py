"""Every data folder that an earlier program wrote opens, and shows its clients what it showed them then. `Tests/Folders/make.py` makes one a schema."""
import contextlib
import glob
import json
import lzma
import os
import sqlite3
import sys

import pytest
import server as serving
from wire import Refused

FOLDERS = os.path.join(serving.ROOT, "Tests", "Folders")
sys.path.insert(0, FOLDERS)
import make  # noqa: E402

pytestmark = pytest.mark.own
SCHEMAS = sorted(os.path.basename(p)[: -len(".tar.xz")] for p in glob.glob(os.path.join(FOLDERS, "schema-*.tar.xz")))


def differences(then, now, path=""):
    """Where two values differ, a line each."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [d for k in sorted(set(then) | set(now)) for d in differences(then.get(k), now.get(k), "%s/%s" % (path, k))]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [d for i, (a, b) in enumerate(zip(then, now)) for d in differences(a, b, "%s[%d]" % (path, i))]
    return [] if then == now else ["%s: was %s, is %s" % (path, str(then)[:200], str(now)[:200])]


def problems(server):
    """What `store check` says; its exit status agrees."""
    r = server.cli("store", "check", "--json", check=False)
    found = json.loads(r.stdout)["problems"]
    assert (r.returncode == 65) == bool(found), (r.returncode, r.stderr, found)
    return found


def test_the_first_schema_with_a_folder_is_there():
    assert "schema-4" in SCHEMAS


@pytest.mark.parametrize("kind", ["stopped", "killed"])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_folder_of_an_earlier_schema_shows_what_it_showed(schema, kind):
    with lzma.open(os.path.join(FOLDERS, schema + ".json.xz")) as f:
        then = json.load(f)[kind]
    with serving.Server(settings=make.SETTINGS) as server:
        make.unpack(os.path.join(FOLDERS, schema + ".tar.xz"), kind, server.data)
        server.start()
        with pytest.raises(Refused):
            make.login(server, make.DISABLED)
        server.cli("account", "enable", make.DISABLED)
        for time in ("first", "second"):
            assert differences(then, make.views_of(server)) == [], time
            assert problems(server) == [], time
            server.stop()
            assert problems(server) == [], "%s, stopped" % time
            server.start()
        assert "Fatal error" not in server.log_text()


def damage_a_leaf(path, table):
    """Flips an octet of the last page of rows of a table, so that its tag does not fit it."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        page = db.execute("SELECT max(pageno) FROM dbstat WHERE name=? AND pagetype='leaf'", (table,)).fetchone()[0]
    with open(path, "r+b") as f:
        f.seek((page - 1) * 4096 + 3000)
        octet = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([octet[0] ^ 0x10]))


def test_a_damaged_page_does_not_keep_an_index_from_its_next_schema():
    with serving.Server(settings=make.SETTINGS) as server:
        make.unpack(os.path.join(FOLDERS, "schema-5.tar.xz"), "stopped", server.data)
        damage_a_leaf(os.path.join(server.data, "index.db"), "change")
        server.start()
        with make.login(server, make.ACCOUNTS[0]) as imap:
            imap.command("SELECT INBOX")
        assert problems(server)
        assert "index.db.schema-5" in os.listdir(server.data)
