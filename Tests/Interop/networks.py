"""Two networks of which this machine's knows nothing: ours, and that of the world, where any address may be had and any port is free."""
import contextlib
import ctypes
import os
import shutil
import subprocess

import pytest

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """What keeps us from having them; None: nothing."""
    missing = [p for p in ("ip", "unshare", "nsenter") if shutil.which(p) is None]
    if missing:
        return "%s: not installed" % ", ".join(missing)
    r = subprocess.run(["unshare", "-n", "ip", "link", "add", "west", "type", "veth", "peer", "name", "east"],
                       stderr=subprocess.PIPE, text=True)
    return None if r.returncode == 0 else "no networks of our own here: " + r.stderr.strip()


_reason = why_not()
needed = pytest.mark.skipif(_reason is not None, reason=str(_reason))


class Networks:
    """`here` and `there` are addresses with their prefix, at the two ends of one cable."""

    def __init__(self, here, there):
        # Each lives as long as a process that is in it.
        self.holders = [subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE) for _ in range(2)]
        own = os.readlink("/proc/self/ns/net")
        for holder in self.holders:
            while os.readlink("/proc/%d/ns/net" % holder.pid) == own:
                assert holder.poll() is None, "unshare ended"
        self.files = [os.open("/proc/%d/ns/net" % h.pid, os.O_RDONLY) for h in self.holders]
        ours, worlds = (str(h.pid) for h in self.holders)
        self.run(ours, "link", "add", "west", "type", "veth", "peer", "name", "east", "netns", worlds)
        for pid, cable, addresses in ((ours, "west", here), (worlds, "east", there)):
            self.run(pid, "link", "set", "lo", "up")
            self.run(pid, "link", "set", cable, "up")
            for address in addresses:
                self.run(pid, "address", "add", address, "dev", cable)

    @staticmethod
    def run(pid, *words):
        subprocess.run(["nsenter", "-t", pid, "-n", "ip", *words], check=True)

    def here(self):
        return self._within(self.files[0])

    def there(self):
        return self._within(self.files[1])

    @staticmethod
    @contextlib.contextmanager
    def _within(file):
        """What this thread opens and starts in the meantime is in that network, and stays there."""
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            enter(file)
            yield
        finally:
            enter(back)
            os.close(back)

    def remove(self):
        for file in self.files:
            os.close(file)
        for holder in self.holders:
            holder.stdin.close()
            holder.wait(30)


def enter(file):
    if _libc.setns(file, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
