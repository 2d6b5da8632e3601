"""The shim and the cut tell a durable program from one that is not: SQLite at FULL survives every cut, at NORMAL and OFF it does not;
so for a file that is replaced with and without its syncs."""
import contextlib
import os
import random
import sqlite3
import subprocess
import sys

import cut
import pytest

COUNTER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/counter.db", isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=" + sys.argv[2])
db.execute("PRAGMA wal_autocheckpoint=20")
n = db.execute("SELECT max(n) FROM counter").fetchone()[0] or 0
while True:
    n += 1
    db.execute("INSERT INTO counter VALUES (?, randomblob(3000))", (n,))
    print(n, flush=True)
"""
REPLACER = """
import os, sys
folder, careful = sys.argv[1], sys.argv[2] == "careful"
n = 0
while True:
    n += 1
    name = "%s/next-%d" % (folder, n)
    fd = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.write(fd, b"%d\\n" % n * 2000)
    if careful: os.fsync(fd)
    os.close(fd)
    os.rename(name, folder + "/current")
    if careful:
        d = os.open(folder, os.O_RDONLY); os.fsync(d); os.close(d)
    print(n, flush=True)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return cut.build(str(tmp_path_factory.mktemp("shim")))


def run_until_killed(recorder, script, argument, chance):
    """The last number that the program had told before the shim killed it."""
    recorder.control.set(kill_at=recorder.control.sequence + chance.randint(20, 400))
    env = {**os.environ, **recorder.environment(), "LD_PRELOAD": recorder.library}
    p = subprocess.run([sys.executable, "-c", script, recorder.data, argument], env=env, stdout=subprocess.PIPE, timeout=60)
    assert p.returncode == -9
    numbers = p.stdout.split(b"\n")[:-1]
    return int(numbers[-1]) if numbers else 0


def rounds(library, tmp_path, script, argument, check, count, seed):
    """How many of so many cuts lost something."""
    data = tmp_path / "data"
    data.mkdir()
    top = tmp_path / "top"
    top.mkdir()
    if script is COUNTER:
        with contextlib.closing(sqlite3.connect(data / "counter.db")) as db:
            db.executescript("PRAGMA journal_mode=WAL; CREATE TABLE counter (n INTEGER PRIMARY KEY, b)")
    recorder = cut.Recorder(library, str(data), str(top))
    chance, lost, told = random.Random(seed), 0, 0
    for number in range(count):
        recorder.begin(snapshot=number % 5 == 0)
        said = run_until_killed(recorder, script, argument, chance)
        told = max(told, said) if script is COUNTER else said
        if recorder.snapshot is not None:
            recorder.roll_back()
            told = 0 if number == 0 or script is not COUNTER else check(data) or 0
        else:
            recorder.cut(chance)
            there = check(data)
            if there is None or there < told:
                lost += 1
                if there is None:
                    return count  # ruined
                told = there
    return lost


def counted(data):
    with contextlib.closing(sqlite3.connect(data / "counter.db")) as db:
        try:
            if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                return None
            top, number = db.execute("SELECT max(n), count(*) FROM counter").fetchone()
            return top or 0 if (top or 0) == number else None
        except sqlite3.DatabaseError:
            return None


def replaced(data):
    try:
        text = (data / "current").read_bytes()
    except FileNotFoundError:
        return 0
    numbers = set(text.split(b"\n")[:-1])
    return int(numbers.pop()) if len(numbers) == 1 and text.count(b"\n") == 2000 else None


@pytest.mark.parametrize("synchronous,safe", [("FULL", True), ("NORMAL", False), ("OFF", False)])
def test_sqlite(library, tmp_path, synchronous, safe):
    lost = rounds(library, tmp_path, COUNTER, synchronous, counted, 24 if safe else 16, seed=7)
    assert (lost == 0) == safe, lost


@pytest.mark.parametrize("how,safe", [("careful", True), ("careless", False)])
def test_a_replaced_file(library, tmp_path, how, safe):
    lost = rounds(library, tmp_path, REPLACER, how, replaced, 24 if safe else 16, seed=11)
    assert (lost == 0) == safe, lost


def test_syncs_and_writes_can_be_made_to_fail(library, tmp_path):
    data, top = tmp_path / "data", tmp_path / "top"
    data.mkdir(), top.mkdir()
    recorder = cut.Recorder(library, str(data), str(top))
    recorder.control.fail_syncs(after=2)
    recorder.control.fail_writes(28, after=3)
    script = """
import os, sys
fd = os.open(sys.argv[1] + "/f", os.O_CREAT | os.O_RDWR)
for call in (lambda: os.fsync(fd), lambda: os.write(fd, b"x")):
    for i in range(4):
        try: call(); print("ok")
        except OSError as e: print(e.errno)
"""
    env = {**os.environ, **recorder.environment(), "LD_PRELOAD": recorder.library}
    said = subprocess.run([sys.executable, "-c", script, str(data)], env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert said == ["ok", "5", "ok", "ok", "ok", "ok", "28", "ok"]
