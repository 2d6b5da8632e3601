"""What one user does stops no other: a neighbour's commands are answered while a flood goes on, however long that takes. Counted in answers."""
import os
import socket
import threading

import pytest
from conftest import Account
from test_compress import compressed
from wire import IMAP, Closed

pytestmark = pytest.mark.own
# On every event loop there is one that floods.
FLOODERS = 2 * (os.cpu_count() or 1)
COMMANDS = 20


class Flood:
    """Commands of one connection, all sent at once; `answered` counts as they are answered."""

    def __init__(self, imap, command, count):
        self.imap, self.count, self.answered = imap, count, 0
        self.first = threading.Event()
        self.commands = b"".join(b"f%d %s\r\n" % (n, command) for n in range(count))
        self.is_over = False
        self.threads = [threading.Thread(target=self.write, daemon=True), threading.Thread(target=self.read, daemon=True)]
        for thread in self.threads:
            thread.start()

    def write(self):
        try:
            self.imap.send(self.commands)
        except OSError:
            assert self.is_over

    def read(self):
        while self.answered < self.count:
            try:
                line = self.imap.line()
            except (Closed, OSError):
                assert self.is_over
                return
            if line.startswith(b"f"):
                assert line.split()[1] == b"OK", line
                self.answered += 1
                self.first.set()

    def stop(self):
        self.is_over = True
        getattr(self.imap.socket, "inner", self.imap.socket).shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()


def served(server, neighbour, imaps, command, count):
    """Whether a neighbour's commands and a login are answered before any of the floods is over."""
    floods = [Flood(imap, command, count) for imap in imaps]
    for flood in floods:
        assert flood.first.wait(120)
    for _ in range(COMMANDS):
        neighbour.command("NOOP")
        neighbour.command("FETCH 1 (FLAGS ENVELOPE)")
    with IMAP(server.host, server.port("imap")) as newcomer:
        newcomer.command("CAPABILITY")
    answered = [flood.answered for flood in floods]
    for flood in floods:
        flood.stop()
    return all(n < count for n in answered), answered


@pytest.fixture
def server(own_server):
    """Without TLS, for two threads of Python must not read and write one TLS connection at once."""
    return own_server("alice", "bob", settings={"auth.plaintext-on-loopback": True})


@pytest.fixture
def neighbour(server):
    with Account(server, "alice").imap(tls=False) as imap:
        imap.command("APPEND INBOX ", b"Subject: mine\r\n\r\nx\r\n")
        imap.select("INBOX")
        yield imap


@pytest.mark.parametrize("how", ["compressed", "plain"])
def test_beside_a_flood_of_commands(server, neighbour, how):
    flooder = Account(server, "bob")
    imaps = [compressed(flooder, tls=False) if how == "compressed" else flooder.imap(tls=False) for _ in range(FLOODERS)]
    kept, answered = served(server, neighbour, imaps, b"NOOP", 50_000 if how == "compressed" else 20_000)
    assert kept, answered


@pytest.mark.parametrize("command", [b"SORT (SIZE) UTF-8 ALL", b"SEARCH NOT FLAGGED", b"UID THREAD REFS UTF-8 ALL", b"FETCH 1:* (FLAGS RFC822.SIZE)"])
def test_beside_commands_on_a_large_mailbox(server, neighbour, command):
    flooder = Account(server, "bob")
    with flooder.imap() as imap:
        imap.command("APPEND INBOX ", b"Subject: one of many\r\n\r\nx\r\n")
        imap.select("INBOX")
        for _ in range(13):
            imap.command("COPY 1:* INBOX")
    imaps = [flooder.imap(tls=False) for _ in range(FLOODERS)]
    for imap in imaps:
        assert imap.select("INBOX")["EXISTS"] == 8_192
    kept, answered = served(server, neighbour, imaps, command, 200)
    assert kept, answered
