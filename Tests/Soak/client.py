"""An IMAP connection that checks every answer against what it was told before."""
import asyncio
import hashlib
import os
import re
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "Interop")]

from wire import parse_response  # noqa: E402

from model import Violation  # noqa: E402

PATIENCE = 60


class Gone(Exception):
    """The connection has ended."""


def digest(data):
    return hashlib.sha1(data).hexdigest()


def numbers(text):
    out = []
    for piece in text.split(","):
        a, _, b = piece.partition(":")
        out += range(int(a), int(b or a) + 1)
    return out


class Deflated:
    """A stream through raw deflate streams (RFC 4978): as much of `StreamReader` and `StreamWriter` as a connection uses."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.transport = reader, writer, writer.transport
        self.packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.unpacker = zlib.decompressobj(-15)
        self.plain = bytearray()

    def write(self, data):
        self.writer.write(self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH))

    def close(self):
        self.writer.close()

    async def readuntil(self, end):
        while (at := self.plain.find(end)) < 0:
            await self.more()
        return self.take(at + len(end))

    async def readexactly(self, octets):
        while len(self.plain) < octets:
            await self.more()
        return self.take(octets)

    async def more(self):
        packed = await self.reader.read(1 << 16)
        if not packed:
            raise asyncio.IncompleteReadError(bytes(self.plain), None)
        self.plain += self.unpacker.decompress(packed)

    def take(self, octets):
        taken = bytes(self.plain[:octets])
        del self.plain[:octets]
        return taken


class Connection:
    def __init__(self, account, compressed=False):
        self.account = account
        self.compressed = compressed
        self.box = None
        self.view = []  # UIDs by sequence number; 0: not known yet
        self.modseqs = {}  # UID: the newest that this session was shown
        self.count = 0
        self.untagged = []

    async def open(self, server, user, password):
        self.reader, self.writer = await asyncio.wait_for(
            asyncio.open_connection(server.host, server.port("imap"), limit=1 << 24), PATIENCE)
        if (await self.response())[1] != "OK":
            raise Gone("no greeting")
        await self.command('LOGIN "%s" "%s"' % (user, password))
        if self.compressed:
            await self.command("COMPRESS DEFLATE")
            self.reader = self.writer = Deflated(self.reader, self.writer)
        await self.command("ENABLE CONDSTORE")
        return self

    def cut(self):
        self.writer.transport.abort()

    async def close(self):
        try:
            await self.command("LOGOUT")
        except Gone:
            pass
        self.writer.close()

    # -- bytes ------------------------------------------------------------------------------------------------------------

    async def response(self):
        chunks = []
        try:
            while True:
                line = await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE)
                line = line[:-2]
                literal = re.search(rb"~?\{(\d+)\}$", line)
                if not literal:
                    chunks.append((line, False))
                    break
                chunks.append((line[: literal.start()], False))
                chunks.append((await asyncio.wait_for(self.reader.readexactly(int(literal[1])), PATIENCE), True))
        except (ConnectionError, asyncio.IncompleteReadError) as e:
            raise Gone(str(e)) from e
        except asyncio.TimeoutError as e:
            raise Violation("%s: no answer within %d s; last: %s" % (self.account.name, PATIENCE, chunks[-1:])) from e
        status = re.match(rb"(\S+) (OK|NO|BAD|BYE)\b ?(.*)$", chunks[0][0], re.S)
        if status:
            return [status[1].decode(), status[2].decode(), status[3].decode("utf-8", "replace")]
        if chunks[0][0].startswith(b"+"):
            return ["+"]
        return parse_response(chunks)

    def start(self, *parts):
        self.count += 1
        tag = "x%d" % self.count
        out = bytearray((tag + " ").encode())
        for p in parts:
            out += b"{%d+}\r\n%s" % (len(p), p) if isinstance(p, bytes) else p.encode()
        try:
            self.writer.write(bytes(out) + b"\r\n")
        except ConnectionError as e:
            raise Gone(str(e)) from e
        return tag

    async def finish(self, tag, allowed=()):
        """The text of the tagged answer, which is OK or a NO with one of the codes `allowed`. Untagged ones are applied."""
        self.untagged = []
        while True:
            r = await self.response()
            if r[0] == tag:
                if r[1] == "OK" or r[1] == "NO" and any(r[2].startswith("[%s" % c) for c in allowed):
                    return r[1] + " " + r[2]
                raise Violation("%s: %s %s" % (self.account.name, r[1], r[2]))
            if r[:2] == ["*", "BYE"] and not tag:
                raise Gone(r[2])
            self.apply(r)
            self.untagged.append(r)

    async def command(self, *parts, allowed=()):
        return await self.finish(self.start(*parts), allowed)

    # -- the view ---------------------------------------------------------------------------------------------------------

    def apply(self, r):
        if len(r) < 3 or r[0] != "*" or self.box is None:
            return
        if r[2] == "EXISTS":
            if int(r[1]) < len(self.view):
                raise Violation("%s: EXISTS %s after %d" % (self.box.name, r[1], len(self.view)))
            self.view += [0] * (int(r[1]) - len(self.view))
        elif r[2] == "EXPUNGE":
            n = int(r[1])
            if not 1 <= n <= len(self.view):
                raise Violation("%s: EXPUNGE %d of %d" % (self.box.name, n, len(self.view)))
            uid = self.view.pop(n - 1)
            if uid:
                self.box.saw_gone(uid)
        elif r[2] == "FETCH":
            self.apply_fetch(int(r[1]), {r[3][i].upper(): r[3][i + 1] for i in range(0, len(r[3]) - 1, 2)})

    def apply_fetch(self, n, items):
        if not 1 <= n <= len(self.view):
            raise Violation("%s: FETCH of %d, there are %d" % (self.box.name, n, len(self.view)))
        uid = int(items.get("UID", 0)) or self.view[n - 1]
        if not uid:
            return
        if self.view[n - 1] not in (0, uid):
            raise Violation("%s: number %d is UID %d and was %d" % (self.box.name, n, uid, self.view[n - 1]))
        before = next((u for u in reversed(self.view[: n - 1]) if u), 0)
        after = next((u for u in self.view[n:] if u), 1 << 40)
        if not before < uid < after:
            raise Violation("%s: UID %d at %d between %d and %d" % (self.box.name, uid, n, before, after))
        self.view[n - 1] = uid
        if "MODSEQ" in items and "FLAGS" in items:
            modseq = int(items["MODSEQ"][0])
            if modseq < self.modseqs.get(uid, 0):
                raise Violation("%s: UID %d: ModSeq %d after %d" % (self.box.name, uid, modseq, self.modseqs[uid]))
            self.modseqs[uid] = modseq
            self.box.saw(uid, modseq, frozenset(f for f in items["FLAGS"] if f != "\\Recent"))

    async def select(self, name):
        self.box = None
        tag = self.start('SELECT "%s"' % name)
        self.view, self.modseqs, self.box = [], {}, self.account.boxes[name]
        await self.finish(tag)
        await self.look()

    async def look(self):
        """Everything of the selected mailbox: {uid: flags}."""
        await self.command("UID FETCH 1:* (FLAGS MODSEQ)")
        return self.flags()

    def flags(self):
        """Of the last command's FETCH answers."""
        found = {}
        for r in self.untagged:
            if len(r) == 4 and r[2] == "FETCH":
                items = {r[3][i].upper(): r[3][i + 1] for i in range(0, len(r[3]) - 1, 2)}
                if "UID" in items and "FLAGS" in items:
                    found[int(items["UID"])] = frozenset(items["FLAGS"])
        return found

    def bodies(self):
        found = {}
        for r in self.untagged:
            if len(r) == 4 and r[2] == "FETCH":
                items = {r[3][i].upper(): r[3][i + 1] for i in range(0, len(r[3]) - 1, 2)}
                if "UID" in items and "BODY[]" in items:
                    found[int(items["UID"])] = items["BODY[]"]
        return found
