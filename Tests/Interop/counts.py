"""What a server allocates and what it pays for passwords, counted by a library that is preloaded into it (counts.c)."""
import functools
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
import atexit

NAMES = ["live", "peak", "hashes", "hash_work", "hashing", "most_hashing", "accepted", "accepts_failed", "allocated"]


@functools.cache
def library(name="counts"):
    """The library of that name, compiled once a run."""
    folder = tempfile.mkdtemp(prefix="martlet-%s-" % name)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.path.join(folder, name + ".so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".c")
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-fPIC", "-shared", "-o", path, source, "-ldl"], check=True)
    return path


class Counts:
    """The counts of one server, by name: octets that are `live` and were at the `peak`, and were `allocated` in all; `hashes` of passwords, their `hash_work` (KiB filled, pass by
    pass), how many were `most_hashing` at once; connections `accepted`, and tries that failed for want of a descriptor."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.truncate(4096)
        with open(path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), 4096)

    def __getattr__(self, name):
        return struct.unpack_from("q", self.memory, 8 * NAMES.index(name))[0]

    def restart(self):
        """For a new process."""
        self.memory[:] = bytes(4096)

    def watch(self):
        """From here on the peak is that of what comes; what is live now."""
        live = self.live
        struct.pack_into("q", self.memory, 8 * NAMES.index("peak"), live)
        return live
