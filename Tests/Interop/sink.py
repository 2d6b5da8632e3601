"""A server for SMTP that misbehaves as it is told, and then is a good one. It takes note of all that it is given."""
import re
import socket
import ssl
import struct
import threading
from dataclasses import dataclass

from wire import Closed, Line

GOOD = re.compile(rb"(2\d\d-[^\n]*\n)*2\d\d( [^\n]*|\r)?\n")
PLAIN = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


class Cut(Exception):
    """The connection is over."""


# -- what an answer can be made of: octets, which are sent, and these ------------------------------------------------------


def cut(link):
    """Closes."""
    raise Cut


def reset(link):
    """Closes with an RST, as a process that is killed."""
    link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Cut


def leave(link):
    """Says no more, and reads until the other side closes too: what was said is not lost with the connection."""
    link.socket.shutdown(socket.SHUT_WR)
    read_on(link)


def read_on(link):
    """Reads until the other side closes."""
    while link.socket.recv(65536):
        pass
    raise Cut


def handshake(link):
    """TLS."""
    link.secure()


def drip(data):
    """Octet by octet, each in a segment of its own."""
    def do(link):
        for octet in data:
            link.send(bytes([octet]))
            Line.wait_until_read(link)
    do.said = data
    return do


def flood(piece, total=20 << 20):
    """Sends that again and again, until it is so much or the other side closes."""
    def do(link):
        sent = 0
        try:
            while sent < total:
                link.send(piece)
                sent += len(piece)
        finally:
            link.sink.flooded = max(link.sink.flooded, sent)
        raise Cut
    return do


@dataclass
class Text:
    """A message that came to its end."""
    connection: int
    sender: str
    recipients: list
    data: bytes
    #: The answer to it was 2xx.
    accepted: bool


class Sink:
    """`misdeeds`: for each connection in turn the answers that are not as they should be, {what they answer: an answer}; an answer is one part or
    several in a tuple; a list has the answers to the first time, the second and so on.
    What is answered: `greeting`; a command's verb; `RCPT two`, that to a local part; `text`, octets of a message whose end has not come; `.`, its
    end (with BDAT too); `BDAT`, a chunk that is not the last; `handshake`, in the place of one; `secured`, what is said behind one.
    `most`: how many recipients a transaction may have, and what the others are answered."""

    def __init__(self, *misdeeds, offers=PLAIN, most=None, certificate=None, place=("127.0.0.1", 0)):
        self.misdeeds, self.offers, self.most, self.certificate = misdeeds, offers, most, certificate
        self.texts, self.commands = [], []
        self.connections = self.flooded = 0
        self.links = []
        self.listener = socket.create_server(place, backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            link = Link(self, connection, self.connections)
            self.connections += 1
            self.links.append(link)
            threading.Thread(target=link.run, daemon=True).start()

    def copies(self, recipient):
        """How many whole messages came for this local part."""
        return sum(r.split("@")[0] == recipient for t in self.texts for r in t.recipients)

    def accepted(self, recipient):
        """To how many of them we said 2xx."""
        return sum(r.split("@")[0] == recipient for t in self.texts if t.accepted for r in t.recipients)

    def close(self):
        if self.listener.fileno() >= 0:
            # Wakes whoever waits in accept.
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        for link in self.links:
            link.socket.close()


class Link:
    """One connection to a sink."""

    def __init__(self, sink, connection, number):
        self.sink, self.socket, self.number = sink, connection, number
        misdeeds = sink.misdeeds[number] if number < len(sink.misdeeds) else {}
        self.misdeeds = {what: list(answer) if isinstance(answer, list) else answer for what, answer in misdeeds.items()}
        self.offers = sink.offers
        self.buffer = bytearray()
        self.socket.settimeout(60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sender, self.recipients = None, []

    def run(self):
        try:
            self.answer("greeting", b"220 sink.example ESMTP\r\n")
            while True:
                self.obey(self.line().decode("utf-8", "replace"))
        except (Cut, Closed, OSError, KeyError):
            # How it ends is what the test is about, and seen on the other side.
            pass
        finally:
            self.socket.close()

    def obey(self, line):
        self.sink.commands.append((self.number, line))
        verb = line.split(" ")[0].upper()
        if verb in ("EHLO", "LHLO"):
            lines = ["sink.example", *self.offers]
            self.answer(verb, "".join("250%s%s\r\n" % (" " if n == len(lines) - 1 else "-", l) for n, l in enumerate(lines)).encode())
        elif verb == "STARTTLS":
            if self.is_good(self.answer(verb, b"220 2.0.0 go\r\n")) and not isinstance(self.socket, ssl.SSLSocket):
                self.answer("handshake", handshake)
                self.answer("secured", b"")
        elif verb == "MAIL":
            if self.is_good(self.answer(verb, b"250 2.1.0 ok\r\n")):
                self.sender, self.recipients = path(line), []
        elif verb == "RCPT":
            key = "RCPT " + path(line).split("@")[0]
            most, refusal = self.sink.most or (1000, b"")
            good = b"503 5.5.1 from whom?\r\n" if self.sender is None else b"250 2.1.5 ok\r\n" if len(self.recipients) < most else refusal
            if self.is_good(self.answer(key if key in self.misdeeds else verb, good)):
                self.recipients.append(path(line))
        elif verb == "DATA":
            if b"354" in self.answer(verb, b"354 go\r\n" if self.recipients else b"554 5.5.1 for nobody?\r\n"):
                self.take(self.text())
        elif verb == "BDAT":
            self.chunk(line)
        elif verb == "QUIT":
            self.answer(verb, b"221 2.0.0 bye\r\n")
            raise Cut
        elif verb == "AUTH":
            self.answer(verb, b"235 2.7.0 ok\r\n")
        else:
            self.answer(verb, b"250 2.0.0 ok\r\n")
            if verb == "RSET":
                self.sender, self.recipients = None, []

    # -- texts ------------------------------------------------------------------------------------------------------------

    def text(self):
        if "text" in self.misdeeds:
            # More than what is read ahead, less than all.
            while len(self.buffer) < 30000:
                self.more()
            self.answer("text", b"")
        data = bytearray()
        while (line := self.line()) != b".":
            data += (line[1:] if line.startswith(b".") else line) + b"\r\n"
        return bytes(data)

    def chunk(self, line):
        words = line.split()
        while len(self.buffer) < int(words[1]):
            self.more()
        self.chunks = getattr(self, "chunks", b"") + bytes(self.buffer[: int(words[1])])
        del self.buffer[: int(words[1])]
        if words[2:] != ["LAST"]:
            self.answer("BDAT", b"250 2.0.0 more\r\n")
            return
        data, self.chunks = self.chunks, b""
        self.take(data)

    def take(self, data):
        """Written down before it is answered: who has the answer finds it here."""
        text = Text(self.number, self.sender, self.recipients, data, accepted=False)
        self.sender, self.recipients = None, []
        if text.recipients:
            self.sink.texts.append(text)
        default = b"250 2.0.0 taken\r\n" if text.recipients else b"554 5.5.1 for nobody\r\n"
        answer = self.planned(".", default)
        text.accepted = self.is_good(self.said(answer))
        self.give(answer)

    # -- octets -----------------------------------------------------------------------------------------------------------

    def answer(self, to, default):
        """Gives it; the octets in it."""
        return self.give(self.planned(to, default))

    def planned(self, to, default):
        planned = self.misdeeds.get(to, default)
        if not isinstance(planned, list):
            return planned
        return planned.pop(0) if planned else default

    def give(self, answer):
        for part in answer if isinstance(answer, tuple) else (answer,):
            if isinstance(part, bytes):
                self.send(part)
            else:
                part(self)
        return self.said(answer)

    @staticmethod
    def said(answer):
        parts = answer if isinstance(answer, tuple) else (answer,)
        return b"".join(part if isinstance(part, bytes) else getattr(part, "said", b"") for part in parts)

    @staticmethod
    def is_good(said):
        return GOOD.match(said) is not None

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(262144)
        if not data:
            raise Closed("end of stream")
        self.buffer += data

    def line(self):
        while (end := self.buffer.find(b"\r\n")) < 0:
            self.more()
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line

    def secure(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.sink.certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.buffer.clear()
        self.offers = tuple(o for o in self.offers if o != "STARTTLS")


def path(line):
    """What stands in the brackets."""
    return line[line.index("<") + 1 : line.index(">")]
