"""SMTP, POP3 and IMAP over bare sockets, for what stock clients cannot or will not say."""
import re
import socket
import ssl
import time

TIMEOUT = 60


def lax_tls() -> ssl.SSLContext:
    """The server's certificate is its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Closed(Exception):
    """The peer ended the connection."""


class Line:
    """A connection that is read by lines and by counts."""

    def __init__(self, host, port, tls=False, source=None, timeout=TIMEOUT):
        self.socket = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        if tls:
            self.secure()

    def secure(self):
        self.socket = lax_tls().wrap_socket(self.socket, server_hostname="localhost")

    def send(self, data: bytes):
        self.socket.sendall(data)

    def _more(self):
        try:
            data = self.socket.recv(262144)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError) as e:
            raise Closed(str(e)) from e
        if not data:
            raise Closed("end of stream")
        self.buffer += data

    def line(self) -> bytes:
        """Without its CRLF. A line that ends otherwise is the server's fault."""
        start = 0
        while True:
            end = self.buffer.find(b"\n", start)
            if end >= 0:
                line = bytes(self.buffer[: end + 1])
                del self.buffer[: end + 1]
                assert line.endswith(b"\r\n"), line
                return line[:-2]
            start = len(self.buffer)
            self._more()

    def take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self._more()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def wait_until_read(self, timeout=TIMEOUT):
        """Until the peer, a process of this machine, has read all that was sent, so that what is sent next comes in another segment."""
        here, there = ("%s:%04X" % (socket.inet_aton(host)[::-1].hex().upper(), port) for host, port in (self.socket.getsockname(), self.socket.getpeername()))
        deadline = time.monotonic() + timeout
        while True:
            with open("/proc/net/tcp") as f:
                rows = [line.split() for line in f]
            left = {(r[1], r[2]): r[4] for r in rows}
            # Not acknowledged on this side, not read on the other.
            if left[here, there].split(":")[0] == "00000000" and left.get((there, here), "0:00000000").split(":")[1] == "00000000":
                return
            if time.monotonic() > deadline:
                raise Closed("the peer does not read")
            time.sleep(0.001)

    def is_closed(self, within: float = 60) -> bool:
        """Whether the peer closes within that many seconds, whatever it says before."""
        self.socket.settimeout(within)
        try:
            while True:
                self._more()
                self.buffer.clear()
        except Closed:
            return True
        except (TimeoutError, socket.timeout):
            return False

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class SMTP(Line):
    def __init__(self, host, port, tls=False, source=None, timeout=TIMEOUT, greet=True, ehlo=True):
        super().__init__(host, port, tls, source, timeout)
        self.extensions = {}
        if greet:
            code, text = self.reply()
            if code != 220:
                raise Closed("%d %s" % (code, text))
            if ehlo:
                self.ehlo()

    def reply(self):
        """The code and the text, all lines joined by line feeds."""
        texts = []
        while True:
            line = self.line().decode("utf-8", "replace")
            assert re.match(r"[2-5][0-9][0-9]([ -]|$)", line), line
            texts.append(line[4:])
            if line[3:4] != "-":
                return int(line[:3]), "\n".join(texts)

    def command(self, text):
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.reply()

    def ehlo(self, name="client.example"):
        code, text = self.command("EHLO " + name)
        if code == 421:
            raise Closed(text)
        assert code == 250, (code, text)
        self.extensions = {l.split()[0].upper(): l.split()[1:] for l in text.split("\n")[1:] if l.strip()}

    def starttls(self):
        code, text = self.command("STARTTLS")
        assert code == 220, (code, text)
        self.secure()
        self.ehlo()

    def auth_plain(self, user, password):
        import base64
        return self.command("AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode())

    @staticmethod
    def stuffed(data: bytes) -> bytes:
        if data and not data.endswith(b"\r\n"):
            data += b"\r\n"
        data = data.replace(b"\r\n.", b"\r\n..")
        return (b"." if data.startswith(b".") else b"") + data + b".\r\n"

    def envelope(self, sender, recipients, options=""):
        """The first reply that is no success, or None."""
        reply = self.command("MAIL FROM:<%s>%s" % (sender, " " + options if options else ""))
        if reply[0] != 250:
            return reply
        for r in recipients:
            reply = self.command("RCPT TO:<%s>" % r)
            if reply[0] != 250:
                return reply
        return None

    def deliver(self, sender, recipients, data: bytes, options="", bdat=False, chunk=65536):
        """One transaction; answers the reply that decided it."""
        refused = self.envelope(sender, recipients, options)
        if refused:
            return refused
        if bdat:
            for i in range(0, max(1, len(data)), chunk):
                piece = data[i : i + chunk]
                last = i + chunk >= len(data)
                self.send(b"BDAT %d%s\r\n" % (len(piece), b" LAST" if last else b"") + piece)
                reply = self.reply()
                if reply[0] != 250:
                    return reply
            return reply
        code, text = self.command("DATA")
        if code != 354:
            return code, text
        self.send(self.stuffed(data))
        return self.reply()


class POP3(Line):
    def __init__(self, host, port, tls=False, source=None, timeout=TIMEOUT):
        super().__init__(host, port, tls, source, timeout)
        self.greeting = self.reply()

    def reply(self) -> bytes:
        """The status line."""
        line = self.line()
        assert line.startswith((b"+OK", b"-ERR", b"+ ")), line
        return line

    def command(self, text) -> bytes:
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.reply()

    def lines(self):
        """What follows a status line, up to the line of one dot; the octets as they were before they were stuffed."""
        out = bytearray()
        while True:
            line = self.line()
            if line == b".":
                return bytes(out)
            out += (line[1:] if line.startswith(b".") else line) + b"\r\n"

    def multiline(self, text) -> bytes:
        reply = self.command(text)
        assert reply.startswith(b"+OK"), (text, reply)
        return self.lines()

    def login(self, user, password):
        assert self.command("USER " + user).startswith(b"+OK")
        return self.command("PASS " + password)

    def stls(self):
        assert self.command("STLS").startswith(b"+OK")
        self.secure()


class Refused(Exception):
    """A tagged NO or BAD."""


def parse_response(chunks):
    """Nested lists of str (atoms), bytes (quoted and literal strings) and None (NIL), from a line's text and literal pieces."""
    stack, current = [], []
    for chunk, is_literal in chunks:
        if is_literal:
            current.append(chunk)
            continue
        i, n = 0, len(chunk)
        while i < n:
            c = chunk[i : i + 1]
            if c == b" ":
                i += 1
            elif c == b"(":
                stack.append(current)
                current = []
                i += 1
            elif c == b")":
                done, current = current, stack.pop()
                current.append(done)
                i += 1
            elif c == b'"':
                j, out = i + 1, bytearray()
                while chunk[j : j + 1] != b'"':
                    j += chunk[j : j + 1] == b"\\"
                    out += chunk[j : j + 1]
                    j += 1
                current.append(bytes(out))
                i = j + 1
            else:
                j, depth = i, 0
                while j < n and (depth or chunk[j : j + 1] not in (b" ", b")", b"(")):
                    depth += (chunk[j : j + 1] == b"[") - (chunk[j : j + 1] == b"]")
                    j += 1
                atom = chunk[i:j].decode("utf-8", "replace")
                current.append(None if atom.upper() == "NIL" else atom)
                i = j
    assert not stack, "unbalanced response"
    return current


class IMAP(Line):
    def __init__(self, host, port, tls=False, source=None, timeout=TIMEOUT, greet=True):
        super().__init__(host, port, tls, source, timeout)
        self.count = 0
        self.untagged = []
        if greet:
            greeting = self.response()
            if greeting[:2] != ["*", "OK"]:
                raise Closed(str(greeting))

    def raw(self):
        """One response: [(bytes, is literal)...]."""
        chunks = []
        while True:
            line = self.line()
            literal = re.search(rb"~?\{(\d+)\}$", line)
            if not literal:
                chunks.append((line, False))
                return chunks
            chunks.append((line[: literal.start()], False))
            chunks.append((self.take(int(literal[1])), True))

    def response(self):
        chunks = self.raw()
        first = chunks[0][0]
        status = re.match(rb"(\S+) (OK|NO|BAD|BYE|PREAUTH)\b ?(.*)$", first, re.S | re.I)
        if status:
            return [status[1].decode(), status[2].decode().upper(), status[3].decode("utf-8", "replace")]
        if first.startswith(b"+"):
            return ["+", first[1:].strip().decode()]
        return parse_response(chunks)

    def start(self, *parts):
        """Sends a command: str parts as they are, bytes parts as synchronizing-free literals. Answers its tag."""
        self.count += 1
        tag = "t%d" % self.count
        out = bytearray((tag + " ").encode())
        for p in parts:
            out += b"{%d+}\r\n%s" % (len(p), p) if isinstance(p, bytes) else p.encode()
        self.send(bytes(out) + b"\r\n")
        return tag

    def finish(self, tag):
        """The text of its OK and the untagged responses before it. `Refused` on NO and BAD."""
        untagged = []
        while True:
            r = self.response()
            if r and r[0] == tag:
                if r[1] != "OK":
                    raise Refused(r[1] + " " + r[2])
                return r[2], untagged
            untagged.append(r)

    def command(self, *parts):
        return self.finish(self.start(*parts))

    def login(self, user, password):
        return self.command('LOGIN "%s" "%s"' % (user, password))

    def starttls(self):
        self.command("STARTTLS")
        self.secure()

    def select(self, mailbox, how="SELECT"):
        """{"EXISTS": n, "UIDVALIDITY": n, ...} of the mailbox."""
        text, untagged = self.command('%s "%s" (CONDSTORE)' % (how, mailbox))
        facts = {}
        for r in untagged:
            if r[:2] == ["*", "OK"]:
                m = re.match(r"\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]", r[2])
                if m:
                    facts[m[1]] = int(m[2])
            elif len(r) == 3 and r[2] in ("EXISTS", "RECENT"):
                facts[r[2]] = int(r[1])
        return facts

    @staticmethod
    def fetched(untagged):
        """{message sequence number: {item: value}} of the FETCH responses."""
        found = {}
        for r in untagged:
            if len(r) == 4 and r[2] == "FETCH":
                items = r[3]
                found.setdefault(int(r[1]), {}).update({items[i].upper(): items[i + 1] for i in range(0, len(items) - 1, 2)})
        return found

    def fetch(self, numbers, items, uid=True):
        """{uid: {item: value}}."""
        text, untagged = self.command("%sFETCH %s %s" % ("UID " if uid else "", numbers, items))
        return {int(v["UID"]): v for v in self.fetched(untagged).values() if "UID" in v}
