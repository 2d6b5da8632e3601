"""COMPRESS (RFC 4978): Python's zlib at the other end; streams that are none, and one that would fill the server."""
import zlib

import pytest

from conftest import eventually, new_account
from wire import IMAP, Closed, Refused


class Deflated:
    """A socket through raw deflate streams."""

    def __init__(self, inner):
        self.inner = inner
        self.packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.unpacker = zlib.decompressobj(-15)
        self.received = 0

    def sendall(self, data):
        self.inner.sendall(self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, most):
        while True:
            packed = self.inner.recv(most)
            self.received += len(packed)
            plain = self.unpacker.decompress(packed)
            if plain or not packed:
                return plain

    def __getattr__(self, name):
        return getattr(self.inner, name)


def compressed(account, tls=True) -> IMAP:
    imap = account.imap(tls)
    imap.command("COMPRESS DEFLATE")
    imap.socket = Deflated(imap.socket)
    return imap


def message(number, octets):
    return b"Subject: number %d\r\n\r\n" % number + b"words of message %d and more words\r\n" % number * (octets // 34)


def test_mail_goes_there_and_back(account):
    sent = [message(n, size) for n, size in enumerate([10, 1_000, 100_000, 2_000_000])]
    with compressed(account) as imap:
        for text in sent:
            imap.command("APPEND INBOX ", text)
        imap.select("INBOX")
        found = imap.fetch("1:*", "(UID BODY.PEEK[])")
        assert [found[n]["BODY[]"] for n in sorted(found)] == sent
        assert imap.socket.received < 400_000, "the server's stream is hardly smaller than what is in it"
        with pytest.raises(Refused, match="COMPRESSIONACTIVE"):
            imap.command("COMPRESS DEFLATE")


def test_it_is_not_for_strangers(server):
    with IMAP(server.host, server.port("imaps"), tls=True) as imap:
        with pytest.raises(Refused, match="BAD"):
            imap.command("COMPRESS DEFLATE")
        imap.command("NOOP")


@pytest.mark.parametrize("data", [b"NOOP\r\n" + b"\xff" * 10, b"\xff" * 100, b"\x03\x00"])
def test_what_is_no_stream_ends_the_connection(account, data):
    with account.imap() as imap:
        imap.command("COMPRESS DEFLATE")
        imap.send(data)
        assert imap.is_closed()


def test_a_bomb_does_not_fill_the_server(server, account):
    """Half a megabyte that would be half a gigabyte: a line that never ends."""
    with account.imap() as beside, compressed(account) as imap:
        before = server.counts.watch()
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        try:
            for _ in range(8):
                imap.socket.inner.sendall(packer.compress(b"x" * (64 << 20)))
            imap.socket.inner.sendall(packer.flush(zlib.Z_SYNC_FLUSH) + b"\xff" * 10)
            assert imap.is_closed(60)
        except (OSError, zlib.error, Closed):
            pass
        assert server.counts.peak - before < 64 << 20
        beside.command("NOOP")


@pytest.mark.parametrize("is_compressed, most", [(False, 72), (True, 80)])
def test_an_idle_connection_over_tls_costs_little(own_server, is_compressed, most):
    """KB allocated for each (of 1,000), after LOGIN, SELECT and IDLE, in whatever build this is; the first are not counted, for they fill caches that all share.
    What a release build costs, with thousands of them, is measured by `Benchmarks/idle`."""
    server = own_server()
    account = new_account(server)
    count, opened = 200, []

    def idle():
        imap = compressed(account) if is_compressed else account.imap()
        opened.append(imap)
        imap.select("INBOX")
        imap.start("IDLE")
        assert imap.response()[0] == "+"

    for _ in range(50):
        idle()
    before = server.counts.live
    for _ in range(count):
        idle()
    # A connection lets go of its buffers once it waits.
    eventually(lambda: server.counts.live - before <= most * 1_000 * count, lambda: "%.1f KB a connection" % ((server.counts.live - before) / 1000 / count))
    for imap in opened:
        imap.close()
