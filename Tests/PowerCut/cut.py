"""Plays a power cut on a folder from the shim's journal: undoes a random part of what no completed sync covers.

The rule: an operation on a file's bytes is safe when an fsync or fdatasync of that file that began after it has completed; a name (create,
rename, unlink, link, mkdir) is safe when an fsync of its directory has. Anything else may be on the disk or not, each piece for itself,
in pieces of a page or a sector.
"""
import mmap
import os
import random
import shutil
import stat
import struct
import subprocess
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
OPEN, CREATE, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MKDIR, LINK, RMDIR, SYNC_FAILED, UNSEEN = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99
NAMES = {CREATE, RENAME, UNLINK, MKDIR, LINK, RMDIR}
HEAD = struct.Struct("<IIQQQqqqIIQ")
MAGIC = 0x4357504D
FIELDS = ["sequence", "sync_off", "sync_delay_us", "kill_at", "sync_fails_in", "sync_fails", "write_fails_in", "write_fails", "write_errno",
          "syncs", "writes"]


class Unseen(Exception):
    """The program wrote in a way that the shim cannot record."""


def build(folder) -> str:
    """The shim, compiled there."""
    library = os.path.join(folder, "powercut.so")
    subprocess.run(["cc", "-O2", "-Wall", "-fPIC", "-shared", "-o", library, os.path.join(HERE, "shim.c"), "-lpthread"], check=True)
    return library


class Control:
    """The page that the shim looks at before each operation."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(4096))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 4096)

    def __getattr__(self, name):
        at = FIELDS.index(name) * 8
        return struct.unpack_from("<q", self.map, at)[0]

    def set(self, **values):
        for name, value in values.items():
            struct.pack_into("<q", self.map, FIELDS.index(name) * 8, value)

    def fail_syncs(self, after=1, count=1):
        self.set(sync_fails_in=after, sync_fails=count)

    def fail_writes(self, errno, after=1, count=1):
        self.set(write_errno=errno, write_fails_in=after, write_fails=count)

    def heal(self):
        self.set(sync_fails=0, write_fails=0)


@dataclass
class Operation:
    kind: int
    sequence: int
    file: int
    replaced: int
    offset: int
    length: int
    old_size: int
    path: str
    path2: str
    old: bytes
    covered: bool = False

    @property
    def directories(self):
        return {os.path.dirname(p) for p in (self.path, self.path2) if p}


class Recorder:
    """The folder `data`, what a program under the shim does to it, and power cuts. `top` holds journal and graves, on the same file system."""

    def __init__(self, library, data, top):
        self.library, self.data, self.top = library, os.path.realpath(data), top
        self.log, self.graves, self.limbo = (os.path.join(top, n) for n in ("journal", "graves", "limbo"))
        self.snapshot = None
        self.control_path = os.path.join(top, "control")
        self.control = Control(self.control_path)
        self.begin()

    def environment(self):
        return {"POWERCUT_DATA": self.data, "POWERCUT_LOG": self.log, "POWERCUT_GRAVES": self.graves, "POWERCUT_CONTROL": self.control_path}

    def begin(self, snapshot=False):
        """What is there now is on the disk for good."""
        for folder in (self.graves, self.limbo):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
        if os.path.exists(self.log):
            os.unlink(self.log)
        self.control.set(**{f: 0 for f in FIELDS})
        self.snapshot = tree(self.data) if snapshot else None

    def operations(self):
        """In order of sequence, each marked whether it is covered."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, "rb") as f:
            raw = f.read()
        found, at = [], 0
        while at + HEAD.size <= len(raw):
            magic, kind, sequence, file, replaced, offset, length, old_size, n1, n2, n3 = HEAD.unpack_from(raw, at)
            assert magic == MAGIC, "the journal is broken"
            at += HEAD.size
            if at + n1 + n2 + n3 > len(raw):
                break  # the kill came while it was written
            path, path2, old = raw[at : at + n1].decode(), raw[at + n1 : at + n1 + n2].decode(), raw[at + n1 + n2 : at + n1 + n2 + n3]
            at += n1 + n2 + n3
            if kind == UNSEEN:
                raise Unseen("%s of %s" % (path2, path))
            found.append(Operation(kind, sequence, file, replaced, offset, length, old_size, path, path2, old))
        found.sort(key=lambda o: o.sequence)
        bytes_of, names_of = {}, {}
        for o in found:
            if o.kind in (WRITE, TRUNCATE):
                bytes_of.setdefault(o.file, []).append(o)
            elif o.kind in NAMES:
                o.waits = set(o.directories)
                for d in o.directories:
                    names_of.setdefault(d, []).append(o)
            elif o.kind == SYNC:
                for p in bytes_of.get(o.file, []):
                    p.covered = p.covered or p.sequence <= o.offset
                bytes_of[o.file] = [p for p in bytes_of.get(o.file, []) if not p.covered]
                for p in names_of.get(o.path, []):
                    if p.sequence <= o.offset:
                        p.waits.discard(o.path)
                        p.covered = not p.waits
                names_of[o.path] = [p for p in names_of.get(o.path, []) if p.sequence > o.offset]
        return [o for o in found if o.kind in NAMES or o.kind in (WRITE, TRUNCATE)]

    def cut(self, chance: random.Random):
        """The folder as a disk might show it after a power cut now. A line that says what was done."""
        operations = self.operations()
        open_ = [o for o in operations if not o.covered]
        policy = chance.choice(["none", "all", "half", "few", "most", "prefix"])
        share = {"none": 0, "all": 1, "half": 0.5, "few": 0.1, "most": 0.9, "prefix": 1}[policy]
        until = chance.randrange(len(open_) + 1) if policy == "prefix" else len(open_)
        piece = chance.choice([512, 4096, 4096, 1 << 30])
        where = self.places()
        redo = [self.undo(o, where) for o in reversed(open_)]
        redo.reverse()
        kept = 0
        for i, again in enumerate(redo):
            if i < until:
                kept += bool(again(lambda: chance.random() < share, piece))
        shared = 0
        for path in [p for p in tree(self.data, shm=True) if p.endswith("-shm")]:  # its pages are written back or not, in no order
            shared = chance.randrange(3)
            if shared == 1:
                os.unlink(os.path.join(self.data, path))
            elif shared == 2:
                os.truncate(os.path.join(self.data, path), chance.choice([0, 4096, 32768]))
        return "%d operations, %d not covered, %d of them kept (%s, pieces of %d)" % (len(operations), len(open_), kept, policy, piece)

    def roll_back(self):
        """Undoes everything; asserts that the folder is as it was at `begin(snapshot=True)`: the shim has seen every change."""
        where = self.places()
        for o in reversed(self.operations()):
            self.undo(o, where)
        now, then = tree(self.data), self.snapshot
        unlike = {p for p in set(now) | set(then) if now.get(p) != then.get(p)}
        assert not unlike, "changes that the shim has not seen: %s" % sorted(unlike)

    # -- one operation back, and again ----------------------------------------------------------------------------------

    def places(self):
        """A path of every inode."""
        where = {}
        for top in (self.graves, self.data):
            for folder, folders, files in os.walk(top):
                for name in files + folders:
                    path = os.path.join(folder, name)
                    where[os.lstat(path).st_ino] = path
        return where

    def undo(self, o, where):
        """Undoes it and answers a function that does it again: (survives, piece) -> whether any of it was done."""
        if o.kind == WRITE:
            return self.undo_write(o, where)
        if o.kind == TRUNCATE:
            path = where[o.file]
            os.truncate(path, o.old_size)
            if o.old:
                patch(path, o.offset, o.old)

            def again(survives, piece):
                return survives() and (os.truncate(where[o.file], o.offset) or True)

            return again
        return self.undo_name(o, where)

    def undo_write(self, o, where):
        path = where[o.file]
        with open(path, "r+b", buffering=0) as f:
            f.seek(o.offset)
            new = f.read(o.length)
            f.seek(o.offset)
            f.write(o.old)
            if o.offset + o.length > o.old_size:
                f.truncate(o.old_size)

        def again(survives, piece):
            done, start = False, 0
            while start < len(new):
                end = min(len(new), (o.offset + start) // piece * piece + piece - o.offset)
                if survives():
                    patch(where[o.file], o.offset + start, new[start:end])
                    done = True
                start = end
            return done

        return again

    def undo_name(self, o, where):
        limbo = os.path.join(self.limbo, str(o.sequence))
        if o.kind in (CREATE, MKDIR):
            move(o.path, limbo, where)

            def again(survives, piece):
                return survives() and not os.path.lexists(o.path) and os.path.isdir(os.path.dirname(o.path)) and move(limbo, o.path, where)

        elif o.kind == UNLINK:
            os.link(where[o.file], o.path)

            def again(survives, piece):
                return survives() and inode(o.path) == o.file and (os.unlink(o.path) or True)

        elif o.kind == RMDIR:
            os.mkdir(o.path)

            def again(survives, piece):
                return survives() and os.path.isdir(o.path) and not os.listdir(o.path) and (os.rmdir(o.path) or True)

        elif o.kind == LINK:
            os.unlink(o.path)

            def again(survives, piece):
                return survives() and not os.path.lexists(o.path) and os.path.exists(where.get(o.file, "")) and (os.link(where[o.file], o.path) or True)

        else:
            move(o.path2, o.path, where)
            if o.replaced:
                os.link(os.path.join(self.graves, str(o.sequence)), o.path2)
                where[o.replaced] = o.path2

            def again(survives, piece):
                return survives() and inode(o.path) == o.file and move(o.path, o.path2, where)

        return again


def inode(path):
    try:
        return os.lstat(path).st_ino
    except FileNotFoundError:
        return None


def move(a, b, where):
    """And whatever lies below is found at its new place."""
    os.rename(a, b)
    for file, path in where.items():
        if path == a or path.startswith(a + "/"):
            where[file] = b + path[len(a) :]
    return True


def patch(path, offset, data):
    with open(path, "r+b", buffering=0) as f:
        f.seek(offset)
        f.write(data)


def tree(folder, shm=False):
    """{relative path: octets}; None for a folder. Without sockets and SQLite's shared memory."""
    found = {}
    for top, folders, files in os.walk(folder):
        for name in folders:
            found[os.path.relpath(os.path.join(top, name), folder)] = None
        for name in files:
            path = os.path.join(top, name)
            if stat.S_ISREG(os.lstat(path).st_mode) and (shm or not name.endswith("-shm")):
                with open(path, "rb") as f:
                    found[os.path.relpath(path, folder)] = f.read()
    return found
