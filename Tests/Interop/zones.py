"""A private DNS: zones as text, signed with ldns, served by nsd on a free loopback port; and the settings that make a server ask it alone.

What is in none of the zones is asked of `rest`, a `NameServer`: it does not exist, until its table says otherwise.
"""
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

import ports
import pytest
import server as serving
from nameserver import NameServer

PROGRAMS = ("nsd", "ldns-keygen", "ldns-signzone")
_missing = [p for p in PROGRAMS if shutil.which(p) is None]
needed = pytest.mark.skipif(bool(_missing), reason="%s: not installed" % ", ".join(_missing))


def zone(name, records, ttl=300):
    """The text of a zone: its beginning, and `records`, lines as in a zone's file with names that are relative to it."""
    return "$ORIGIN %s.\n$TTL %d\n@ IN SOA ns hostmaster @SERIAL@ 3600 600 86400 %d\n@ IN NS ns\nns IN A 127.0.0.1\n%s\n" % (
        name, ttl, min(ttl, 60), "\n".join(line.strip() for line in records.strip().splitlines()))


class Zones:
    """`zones`: {name: text as `zone` makes it}. Those in `signed` are proved by an anchor.
    `forged`: {name: (what stood there when it was signed, what stands there now)}: bogus, wherever a record held the first; TLSA's data are
    in lower case there. `stripped`: zones that have an anchor and no signature at all, bogus as a whole. `expired`: those whose signatures
    were good until a year ago. All of them are also to be in `zones`, and are not to be in `signed`."""

    def __init__(self, zones, signed=(), forged=None, stripped=(), expired=()):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="zones-"))
        self.texts = dict(zones)
        self.signed, self.forged, self.stripped, self.expired = set(signed), dict(forged or {}), set(stripped), set(expired)
        self.keys = {}
        self.serial = 1
        self.process = None
        self.rest = NameServer()
        self.anchors = os.path.join(self.top, "anchors")

    def __enter__(self):
        self.rest.__enter__()
        try:
            with open(self.anchors, "w") as f:
                for name in sorted({*self.signed, *self.forged, *self.stripped, *self.expired}):
                    f.write(self._make_keys(name))
            for name in self.texts:
                self._write(name)
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.rest.__exit__(None, None, None)
        shutil.rmtree(self.top, ignore_errors=True)

    @property
    def settings(self):
        """That make a Martlet ask these servers and nobody else, and prove what is signed."""
        return {"dns.servers": ["127.0.0.1@%d" % self.rest.port], "dns.stubs": ["%s=127.0.0.1@%d" % (z, self.port) for z in self.texts],
                "dns.trust-anchor": self.anchors if os.path.getsize(self.anchors) else "none", "dns.open-zones": self._open_zones()}

    def unbound(self, address, port):
        """The text of a configuration for `unbound -d -c`, which is the same DNS to other programs, at that address."""
        stubs = "".join("stub-zone:\n  name: %s\n  stub-addr: 127.0.0.1@%d\n" % (z, self.port) for z in self.texts)
        opened = "".join('  local-zone: "%s" transparent\n' % z for z in self._open_zones())
        return """
server:
  interface: %s@%d
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  username: ""
  chroot: ""
  directory: "%s"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  trust-anchor-file: "%s"
%sremote-control:
  control-enable: no
%sforward-zone:
  name: "."
  forward-addr: 127.0.0.1@%d
""" % (address, port, self.top, self.anchors, opened, stubs, self.rest.port)

    def put(self, name, text):
        """Another text for a zone of ours, signed as it was; returns when it is served. Who asked before may still believe the old, for its TTL."""
        assert name in self.texts
        self.texts[name] = text
        self.serial += 1
        self._write(name)
        self.process.send_signal(signal.SIGHUP)
        assert serving.until(lambda: self._served(name) == self.serial, 30), self.log()

    def log(self):
        with open(os.path.join(self.top, "log"), errors="replace") as f:
            return f.read()

    # -- zones --------------------------------------------------------------------------------------------------------

    def _open_zones(self):
        return ["test", "example", "in-addr.arpa", "ip6.arpa", "10.in-addr.arpa", "127.in-addr.arpa", "2.0.192.in-addr.arpa",
                "100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"]

    def _make_keys(self, name):
        """Its key, as an anchor."""
        self.keys[name] = [self._run("ldns-keygen", "-a", "ECDSAP256SHA256", *kind, name).strip() for kind in (["-k"], [])]
        with open(os.path.join(self.top, self.keys[name][0] + ".key")) as f:
            return f.read()

    def _write(self, name):
        path = os.path.join(self.top, name)
        with open(path + ".zone", "w") as f:
            f.write(self.texts[name].replace("@SERIAL@", str(self.serial)))
        if name not in self.keys or name in self.stripped:
            os.replace(path + ".zone", path + ".served")
            return
        dates = ["-i", "20200101", "-e", "20200201"] if name in self.expired else []
        self._run("ldns-signzone", "-n", *dates, "-f", path + ".signed", path + ".zone", *self.keys[name])
        if name in self.forged:
            was, now = self.forged[name]
            with open(path + ".signed") as f:
                text = f.read()
            assert was in text, (was, text)
            with open(path + ".signed", "w") as f:
                f.write(text.replace(was, now))
        os.replace(path + ".signed", path + ".served")

    def _run(self, *words):
        r = subprocess.run(words, cwd=self.top, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        assert r.returncode == 0, (words, r.stdout, r.stderr)
        return r.stdout

    # -- the server ---------------------------------------------------------------------------------------------------

    def _start(self):
        """Another port where that one was taken meanwhile. The port is in the network of this thread."""
        for _ in range(10):
            self.port = ports.free([0])
            with open(os.path.join(self.top, "nsd.conf"), "w") as f:
                f.write("""
server:
  ip-address: 127.0.0.1@%d
  username: ""
  chroot: ""
  zonesdir: "%s"
  pidfile: ""
  database: ""
  xfrdfile: ""
  zonelistfile: "%s/zone.list"
  server-count: 1
remote-control:
  control-enable: no
%s""" % (self.port, self.top, self.top, "".join("zone:\n  name: %s\n  zonefile: %s.served\n" % (z, z) for z in self.texts)))
            with open(os.path.join(self.top, "log"), "w") as log:
                self.process = subprocess.Popen(["nsd", "-d", "-c", os.path.join(self.top, "nsd.conf")], stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log)
            serving.until(lambda: "nsd started" in self.log() or self.process.poll() is not None, 30)
            if self.process.poll() is None:
                break
            assert re.search("can't bind|Address already in use", self.log()), self.log()
        assert all(self._served(z) == self.serial for z in self.texts), self.log()

    def _served(self, name):
        """The serial number of a zone at our server; None where it does not say."""
        question = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + struct.pack(">HH", 6, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect(("127.0.0.1", self.port))
            try:
                s.send(struct.pack(">HHHHHH", 1, 0, 1, 0, 0, 0) + question)
                answer = s.recv(65535)
            except OSError:
                return None
        code, answers = struct.unpack(">H2xH", answer[2:8])
        if code & 15 or not answers:
            return None
        # Its data end with five numbers, of which the serial is the first; the record before them is of unknown length, but the name servers follow.
        length, = struct.unpack(">H", answer[12 + len(question) + 10:12 + len(question) + 12])
        end = 12 + len(question) + 12 + length
        return struct.unpack(">I", answer[end - 20:end - 16])[0]
