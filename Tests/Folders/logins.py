#!/usr/bin/env python3
"""Makes logins.tar.xz: a folder of schema 4 with three accounts and no mail, whose password hashes cost next to nothing. Tests that start a server
some hundred times begin with it. It can only be made by a program of schema 4 (MARTLET_BIN), whose rows can be written from outside.
"""
import contextlib
import ctypes
import os
import sqlite3
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "Interop")]

import make  # noqa: E402
from server import Server  # noqa: E402

NAMES = ["ann", "ben", "cleo"]
ARCHIVE = os.path.join(HERE, "logins.tar.xz")


def cheap(password: str) -> str:
    """An Argon2id hash of 8 KiB and one pass."""
    library = ctypes.CDLL("libargon2.so.1")
    out = ctypes.create_string_buffer(256)
    octets = password.encode()
    number, size, pointer = ctypes.c_uint32, ctypes.c_size_t, ctypes.c_char_p
    library.argon2id_hash_encoded.argtypes = [number, number, number, pointer, size, pointer, size, size, pointer, size]
    code = library.argon2id_hash_encoded(1, 8, 1, octets, len(octets), b"martlet's tests!", 16, 32, out, 256)
    assert code == 0, code
    return out.value.decode()


def unpack(server):
    """The folder as the server's own, with its passwords."""
    make.unpack(ARCHIVE, "logins", server.data)
    server.passwords = {n: make.password(n) for n in NAMES}
    return server


def main():
    with Server() as server:
        server.make(*NAMES)
        with contextlib.closing(sqlite3.connect(os.path.join(server.data, "index.db"))) as db:
            assert db.execute("PRAGMA user_version").fetchone()[0] == 4, "this program's rows are not written from outside"
            for name in NAMES:
                db.execute("UPDATE account SET password=? WHERE folded=?", (cheap(make.password(name)), server.address(name)))
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        top = os.path.join(server.top, "made")
        os.mkdir(top)
        make.keep(server.data, os.path.join(top, "logins"))
        make.pack(top, ARCHIVE)
    print("%s: %d octets" % (ARCHIVE, os.path.getsize(ARCHIVE)))


if __name__ == "__main__":
    main()
