"""Runs the real program on free loopback ports in a temporary folder. The one place that knows how it is started and configured.

The program is MARTLET_BIN, or the newest of .build/release/martlet and .build/debug/martlet.
"""
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import ports
from counts import Counts, library

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOMAIN = "example.test"
PORTS = {"smtp": 25, "submissions": 465, "submission": 587, "imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995}


def program() -> str:
    named = os.environ.get("MARTLET_BIN")
    if named:
        return os.path.abspath(named)
    built = [os.path.join(ROOT, ".build", kind, "martlet") for kind in ("release", "debug")]
    built = [b for b in built if os.path.exists(b)]
    if not built:
        raise FileNotFoundError("no martlet: build it, or name it in MARTLET_BIN")
    return max(built, key=os.path.getmtime)


def free_offset(host="127.0.0.1") -> int:
    """An offset at which all ports are free; they are reserved."""
    return ports.free([*PORTS.values(), 80, 443], host, last=31000)


class StartFailed(Exception):
    pass


def until(look, timeout):
    """What `look` finds, as soon as it is something; after `timeout` seconds what there is."""
    deadline = time.monotonic() + timeout
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class Server:
    """One martlet. `settings` are configuration keys (`smtp.connections-per-peer`), `preload` a library to load before libc,
    `files` a limit of open files, `folder` where its own folder is made, `data` a data folder elsewhere; `within` are words before each command of the
    program, and `through` further ones before `serve` (nsenter, setpriv)."""

    def __init__(self, settings=None, env=None, preload=None, files=None, folder=None, data=None, host="127.0.0.1", within=(), through=()):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="martlet-", dir=folder))
        self.data = data or os.path.join(self.top, "data")
        self.key = self.data + ".key"
        self.host = host
        self.offset = free_offset(host)
        # Nothing of a test's goes out to the world, and nobody is judged, unless it says so.
        self.settings = {"outbound.enabled": False, "trust.enabled": False, **(settings or {})}
        self.extra = env or {}
        self.preload = preload
        self.files = files
        self.within, self.through = list(within), list(through)
        self.process = None
        self.passwords = {}
        self.log = os.path.join(self.top, "log")
        # Another library that is preloaded has the program to itself.
        self.counts = None if preload else Counts(os.path.join(self.top, "counts"))
        self.configuration = os.path.join(self.top, "martlet.yaml")
        self.write_configuration()

    # -- what depends on the program's own words --------------------------------------------------------------------

    def write_configuration(self):
        with open(self.configuration, "w") as f:
            f.write(as_yaml(self.settings))

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MARTLET_", "SMTP_", "TLS_"))}
        env.update(MARTLET_DATA=self.data, MARTLET_PORT_OFFSET=str(self.offset), MARTLET_CONFIG=self.configuration,
                   SWIFT_BACKTRACE="enable=no")
        if os.geteuid() != 0:
            # Without it only root may look at its descriptors, as tests do.
            env["MARTLET_CORE_DUMPS"] = "true"
        env.update(self.extra)
        return env

    def port(self, name):
        return PORTS[name] + self.offset

    def cli(self, *args, stdin=None, check=True, env=None, timeout=120):
        """A command of the program; its output. `StartFailed` when it fails and `check`."""
        r = subprocess.run([*self.within, program(), *args], env={**self.environment(), **(env or {})}, input=stdin, cwd=self.top,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
        if check and r.returncode:
            raise StartFailed("martlet %s: exit %d\n%s%s" % (" ".join(args), r.returncode, r.stdout, r.stderr))
        return r

    def make(self, *names):
        """A new data folder with the domain and accounts of these names. With the first name `postmaster` is meant."""
        self.cli("init")
        if DOMAIN not in self.cli("domain", "list").stdout.split():
            self.cli("domain", "add", DOMAIN)
        for name in names:
            self.add(name)
        return self

    def add(self, name):
        self.passwords[name] = "correct horse %s 42" % name
        self.cli("account", "add", self.address(name), "--password-stdin", stdin=self.passwords[name] + "\n")

    def disable(self, name):
        self.cli("account", "disable", self.address(name))

    def enable(self, name):
        self.cli("account", "enable", self.address(name))

    # -- life ---------------------------------------------------------------------------------------------------------

    def address(self, name):
        return "%s@%s" % (name, DOMAIN)

    def start(self, timeout=60):
        """Another server may have taken the ports since they were free: then others are."""
        for _ in range(4):
            try:
                return self.start_once(timeout)
            except StartFailed:
                if self.process.returncode != 69 or "set another MARTLET_PORT_OFFSET" not in self.log_text()[-500:]:
                    raise
                self.offset = free_offset(self.host)
        return self.start_once(timeout)

    def start_once(self, timeout):
        env = self.environment()
        if self.counts:
            self.counts.restart()
            env["COUNTS_FILE"] = self.counts.path
        env["LD_PRELOAD"] = self.preload or library()

        def limit():
            if self.files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

        log = open(self.log, "ab")
        self.process = subprocess.Popen([*self.within, *self.through, program(), "serve"], env=env, cwd=self.top, stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, preexec_fn=limit if self.files else None)
        log.close()
        try:
            for name in PORTS:
                self._wait(self.port(name), time.monotonic() + timeout)
        except StartFailed:
            self.kill()
            raise
        return self

    def _wait(self, port, deadline):
        while True:
            if self.process.poll() is not None:
                raise StartFailed("it ended with %d:\n%s" % (self.process.returncode, self.log_text()[-3000:]))
            try:
                socket.create_connection((self.host, port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise StartFailed("port %d does not answer:\n%s" % (port, self.log_text()[-3000:]))
                time.sleep(0.02)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def log_text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def log_with(self, pattern, since=0, timeout=20):
        """What was logged after the first `since` characters, once `pattern` is found in it: the server answers first and logs beside it.
        After `timeout` seconds what there is, found or not."""
        deadline = time.monotonic() + timeout
        while True:
            text = self.log_text()[since:]
            if re.search(pattern, text, re.I) or time.monotonic() > deadline:
                return text
            time.sleep(0.05)

    def connections(self, name):
        """How many connections to this port the program has not closed."""
        sockets = set()
        for fd in os.listdir("/proc/%d/fd" % self.pid):
            try:
                target = os.readlink("/proc/%d/fd/%s" % (self.pid, fd))
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
        port = "%04X" % self.port(name)
        with open("/proc/net/tcp") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        return sum(row[1].endswith(":" + port) and row[3] != "0A" and row[9] in sockets for row in rows)

    def descriptors(self):
        """How many it has open."""
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def kill(self):
        """As a crash of the process."""
        if self.process:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self, timeout=30):
        """In good order; its exit status."""
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("the server did not end within %d s of SIGTERM" % timeout)
        return self.process.returncode

    def restart(self):
        self.stop()
        return self.start()

    def restart_tomorrow(self):
        """In good order; then its clock shows tomorrow's morning in UTC, when all reports on today are due (clock.c)."""
        self.stop()
        now = int(time.time())
        self.preload, self.extra = library("clock"), {**self.extra, "CLOCK_AHEAD": str((now // 86400 + 1) * 86400 + 6 * 3600 - now)}
        return self.start()

    def remove(self):
        self.kill()
        shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


class Peers:
    """Postfix and Dovecot behind the same face, to show that a test tells right from wrong: INTEROP_SUBJECT=peers."""

    def __init__(self, **_):
        self.state = tempfile.mkdtemp(prefix="peers-")
        self.host = "127.0.0.1"
        self.top = self.state
        self.passwords = {}
        self.users = {}
        self.script = os.path.join(ROOT, "..", "shared", "bench", "peers")

    def make(self, *names):
        self.names = names
        return self

    def start(self):
        env = dict(os.environ, PEERS_STATE=self.state, PEERS_USERS="80")
        subprocess.run([self.script, "up", "mdbox"], env=env, check=True, stdout=subprocess.DEVNULL)
        text = subprocess.run([self.script, "env", "mdbox"], env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
        self.facts = dict(l.split("=", 1) for l in text.splitlines())
        users = [l.strip().split(":", 1) for l in open(self.facts["USERS"])]
        for name, (user, password) in zip(self.names, users):
            self.users[name], self.passwords[name] = user, password
        return self

    def port(self, name):
        return int(self.facts[{"smtp": "SMTP_PORT", "submission": "SUBMISSION_PORT", "imap": "IMAP_PORT", "imaps": "IMAPS_PORT",
                               "pop3": "POP3_PORT", "pop3s": "POP3S_PORT"}[name]])

    def address(self, name):
        return "%s@%s" % (self.users.get(name, name), self.facts["DOMAIN"])

    def alive(self):
        return True

    def log_text(self):
        return subprocess.run([self.script, "log", "mdbox"], env=dict(os.environ, PEERS_STATE=self.state), stdout=subprocess.PIPE, text=True).stdout

    def stop(self):
        subprocess.run([self.script, "down"], env=dict(os.environ, PEERS_STATE=self.state), stdout=subprocess.DEVNULL)

    def remove(self):
        self.stop()
        shutil.rmtree(self.state, ignore_errors=True)


def as_yaml(settings) -> str:
    """Dotted keys as nested YAML."""
    tree = {}
    for key, value in settings.items():
        node = tree
        *path, last = key.split(".")
        for p in path:
            node = node.setdefault(p, {})
        node[last] = value

    def text(node, indent):
        out = ""
        for key, value in node.items():
            if isinstance(value, dict):
                out += "%s%s:\n%s" % (indent, key, text(value, indent + "  "))
            elif isinstance(value, (list, tuple)):
                out += "%s%s: [%s]\n" % (indent, key, ", ".join(map(str, value)))
            else:
                out += "%s%s: %s\n" % (indent, key, str(value).lower() if isinstance(value, bool) else value)
        return out

    return text(tree, "")
