"""A mount namespace of our own, in which a server's folders are read-only, or volumes, and nobody else's are changed."""
import os
import shutil
import subprocess

import pytest


def why_not():
    """What keeps us from having one; None: nothing."""
    missing = [p for p in ("unshare", "nsenter", "mount") if shutil.which(p) is None]
    if missing:
        return "%s: not installed" % ", ".join(missing)
    r = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], stderr=subprocess.PIPE, text=True)
    return None if r.returncode == 0 else "no mounts of our own here: " + r.stderr.strip()


_reason = why_not()
needed = pytest.mark.skipif(_reason is not None, reason=str(_reason))


class Volumes:
    """Lives as long as a process that is in it."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-m", "--propagation", "private", "cat"], stdin=subprocess.PIPE)
        own = os.readlink("/proc/self/ns/mnt")
        while os.readlink("/proc/%d/ns/mnt" % self.holder.pid) == own:
            assert self.holder.poll() is None, "unshare ended"
        self.within = ["nsenter", "-t", str(self.holder.pid), "-m", "--wd=/"]

    def run(self, *words):
        subprocess.run([*self.within, *words], check=True)

    def volume(self, path, owner=0):
        """An empty file system there, as one that was just made."""
        self.run("mkdir", "-p", path)
        self.run("mount", "-t", "tmpfs", "-o", "mode=700,uid=%d" % owner, "tmpfs", path)
        self.run("mkdir", "-m", "700", os.path.join(path, "lost+found"))

    def has(self, path):
        return subprocess.run([*self.within, "test", "-e", path]).returncode == 0

    def remove(self):
        self.holder.stdin.close()
        self.holder.wait(30)
