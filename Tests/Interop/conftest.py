"""Fixtures. One server serves most tests; each test has accounts of its own."""
import itertools
import os
import shutil
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Mail"))

import server as serving  # noqa: E402
from wire import IMAP, POP3, SMTP  # noqa: E402

PEERS = os.environ.get("INTEROP_SUBJECT") == "peers"
_numbers = itertools.count(1)


def pytest_configure(config):
    config.addinivalue_line("markers", "heavy: takes long; left out of `make test`")
    config.addinivalue_line("markers", "own: rests on martlet's own command line or promises")


def pytest_collection_modifyitems(config, items):
    if PEERS:
        for item in items:
            if "own" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="only of martlet"))


class Account:
    def __init__(self, server, name):
        self.server, self.name = server, name
        self.address = server.address(name)
        self.user = self.address if not PEERS else server.users[name]
        self.password = server.passwords[name]

    def imap(self, tls=True):
        imap = IMAP(self.server.host, self.server.port("imaps" if tls else "imap"), tls=tls)
        imap.login(self.user, self.password)
        return imap

    def pop3(self, tls=True):
        pop3 = POP3(self.server.host, self.server.port("pop3s" if tls else "pop3"), tls=tls)
        reply = pop3.login(self.user, self.password)
        assert reply.startswith(b"+OK"), reply
        return pop3

    def bodies(self, mailbox="INBOX"):
        """{uid: octets} of all messages."""
        with self.imap() as imap:
            if not imap.select(mailbox).get("EXISTS"):
                return {}
            return {uid: m["BODY[]"] for uid, m in imap.fetch("1:*", "(UID BODY.PEEK[])").items()}


@pytest.fixture(scope="session")
def server():
    s = serving.Peers() if PEERS else serving.Server()
    s.make(*(["alice", "bob"] + ["p%d" % i for i in range(70)] if PEERS else ["alice", "bob"]))
    s.start()
    yield s
    alive, log = s.alive(), s.log_text()
    s.remove()
    assert alive, "the server ended by itself:\n" + log[-5000:]
    assert "Fatal error" not in log, log[-5000:]


@pytest.fixture
def account(server):
    return new_account(server)


@pytest.fixture
def other(server):
    return new_account(server)


def new_account(server):
    number = next(_numbers)
    if PEERS:
        return Account(server, "p%d" % (number % 70))
    name = "user%d" % number
    server.add(name)
    return Account(server, name)


@pytest.fixture
def mx(server):
    with SMTP(server.host, server.port("smtp")) as smtp:
        yield smtp


@pytest.fixture
def own_server():
    """Makes servers with settings of their own, and removes them. `prepared` is called with each before anything is in its folder."""
    made = []

    def make(*names, start=True, prepared=lambda server: None, **options):
        s = serving.Server(**options)
        made.append(s)
        prepared(s)
        s.make(*(names or ("alice", "bob")))
        return s.start() if start else s

    yield make
    for s in made:
        s.remove()


def eventually(holds, otherwise=lambda: "it never came to that", timeout=120):
    """Waits until `holds()`; the time-out only turns waiting for ever into a failure."""
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.02)


def need(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason="%s is not installed" % program)


def run(*args, stdin=None, timeout=120, env=None):
    """A client program; its exit status and all it said."""
    r = subprocess.run(args, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, env=env)
    return r.returncode, r.stdout
