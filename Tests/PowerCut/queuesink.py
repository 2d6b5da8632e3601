"""Servers that the outgoing queue brings mail to: one SMTP, one LMTP. They write down what they took, and are not always kind."""
import random
import re
import socket
import threading
import time

from oracle import Violation, digest

MOODS = {  # what becomes of a transaction, and how often of a hundred times
    "take": 80,
    "defer the sender": 3, "defer recipients": 5, "defer the text": 4,  # 4xx
    "swallow": 4,  # the message is taken, and the connection cut before the answer
    "drop": 2,  # the connection is cut in the midst of the text
    "sign off": 2,  # 421
}


class Acceptance:
    """A message was taken for a recipient. `life`: of the server that brought it; `answered`: the server was sent the 250; `committed`: it said
    something on this connection afterwards that it says only once what became of the message is written down."""

    __slots__ = ("name", "recipient", "digest", "life", "connection", "answered", "committed", "at")

    def __init__(self, name, recipient, text_digest, connection, answered):
        self.name, self.recipient, self.digest, self.life, self.connection = name, recipient, text_digest, connection.life, connection
        self.answered, self.committed, self.at = answered, False, time.monotonic()


class Sink:
    """Who has an address that begins with `no` is not there: 550."""

    def __init__(self, seed):
        self.chance, self.lock = random.Random(seed), threading.Condition()
        self.open = {}  # life: conversations
        self.life = 0  # of the server, counted by who starts it
        self.is_kind = False  # everything is taken
        self.trap = self.sprung = None
        self.forget()
        self.listeners = {}
        for dialect in ("smtp", "lmtp"):
            self.listeners[dialect] = socket.create_server(("127.0.0.1", 0), backlog=200)
            threading.Thread(target=self.listen, args=(dialect,), daemon=True).start()

    @property
    def routes(self):
        """As settings of the server: one.example by SMTP, two.example by LMTP."""
        ports = {d: s.getsockname()[1] for d, s in self.listeners.items()}
        return {"outbound.routes": ["one 127.0.0.1:%d private" % ports["smtp"], "two 127.0.0.1:%d lmtp private" % ports["lmtp"]],
                "outbound.destinations": ["one one.example", "two two.example"]}

    def forget(self):
        with self.lock:
            self.taken, self.wrong, self.counts = [], [], {}

    def close(self):
        for s in self.listeners.values():
            s.close()

    # -- what others wait for ---------------------------------------------------------------------------------------------

    def arm(self, what, count, action=None):
        """Once that many of `what` have happened (`note`) `action` is done, there and then, and the event that this answers is set."""
        with self.lock:
            self.sprung = threading.Event()
            self.trap = [what, count, action]
            return self.sprung

    def note(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            if not self.trap or self.trap[0] != what:
                return
            self.trap[1] -= 1
            if self.trap[1]:
                return
            action, self.trap = self.trap[2], None
        if action:
            action()
        self.sprung.set()

    # -- the conversation -------------------------------------------------------------------------------------------------

    def listen(self, dialect):
        while True:
            try:
                peer, _ = self.listeners[dialect].accept()
            except OSError:
                return
            threading.Thread(target=self.converse, args=(peer, dialect), daemon=True).start()

    def converse(self, peer, dialect):
        conversation = Conversation(self, peer, dialect)
        with self.lock:
            self.open[conversation.life] = self.open.get(conversation.life, 0) + 1
        try:
            conversation.run()
        finally:
            with self.lock:
                self.open[conversation.life] -= 1
                self.lock.notify_all()

    def wait_until_left(self, last):
        """Until whatever lives up to `last`, which are over, have brought is written down."""
        with self.lock:
            if not self.lock.wait_for(lambda: not any(n for life, n in self.open.items() if life <= last), 60):
                raise Violation("a connection of a dead server is open")

    def mood(self):
        with self.lock:
            return "take" if self.is_kind else self.chance.choices(list(MOODS), list(MOODS.values()))[0]

    def toss(self):
        with self.lock:
            return not self.is_kind and self.chance.random() < 0.5

    def take(self, acceptance):
        with self.lock:
            self.taken.append(acceptance)
        self.note("taken" if acceptance.answered else "swallowed")


class Conversation:
    def __init__(self, sink, peer, dialect):
        self.sink, self.peer, self.dialect = sink, peer, dialect
        self.life = sink.life  # a server that died before its greeting has said nothing
        self.said_goodbye = False
        self.last, self.earlier = [], []  # what the transaction before brought, and the one before that
        self.begin("take")

    def begin(self, mood):
        self.mood, self.recipients = mood, []

    def run(self):
        with self.peer, self.peer.makefile("rb") as lines:
            try:
                self.say("220 sink.example")
                while line := lines.readline():
                    if not self.obey(line.decode().strip(), lines):
                        return
            except OSError:
                pass  # it is dead

    def say(self, *replies):
        self.peer.sendall("".join(r + "\r\n" for r in replies).encode())

    def obey(self, line, lines):
        """False: the connection ends."""
        verb = line.split()[0].upper() if line else ""
        if verb in ("EHLO", "LHLO"):
            self.say("250-sink.example", "250-PIPELINING", "250 8BITMIME")
        elif verb == "MAIL":
            self.settle(self.earlier)
            self.last, self.earlier = [], self.last
            self.begin(self.sink.mood())
            if self.mood == "sign off":
                self.say("421 4.3.2 another time")
                return False
            self.say("451 4.7.1 later" if self.mood == "defer the sender" else "250 2.1.0 go on")
        elif verb == "RCPT":
            self.rcpt(re.search(r"<([^>]*)>", line)[1])
        elif verb == "DATA":
            return self.data(lines)
        elif verb == "RSET":
            self.begin("take")
            self.say("250 2.0.0 forgotten")
        elif verb == "QUIT":
            self.settle(self.earlier + self.last)
            self.said_goodbye = True
            self.say("221 2.0.0 goodbye")
            return False
        else:
            self.say("502 5.5.1 what?")
        return True

    @staticmethod
    def settle(acceptances):
        """While a message is on its way, what became of the one before is written down; before it begins, that of all before that one; before goodbye, all."""
        for a in acceptances:
            a.committed = True

    def rcpt(self, address):
        if self.mood == "defer the sender":
            self.say("503 5.5.1 MAIL first")
        elif address.startswith("no") and (self.dialect == "smtp" or self.sink.toss()):
            self.say("550 5.1.1 nobody")
            self.sink.note("refused")
        elif self.mood == "defer recipients" and self.sink.toss():
            self.say("450 4.2.1 later")
        else:
            self.recipients.append(address)
            self.say("250 2.1.5 go on")

    def data(self, lines):
        if not self.recipients:
            self.say("503 5.5.1 RCPT first")
            return True
        self.say("354 go on")
        text = bytearray()
        for line in lines:
            if line == b".\r\n":
                break
            text += line[1:] if line.startswith(b".") else line
            if self.mood == "drop":
                return False
        else:
            return False
        name = re.search(rb"^X-Cut: (\S+)\r$", text, re.M)[1].decode()
        if any(name not in r for r in self.recipients):
            self.sink.wrong.append("%s came for %s" % (name, self.recipients))
        octets = digest(bytes(text).partition(b"\r\n\r\n")[2])
        return self.smtp_answer(name, octets) if self.dialect == "smtp" else self.lmtp_answers(name, octets)

    def accept(self, name, recipient, octets, answered):
        acceptance = Acceptance(name, recipient, octets, self, answered)
        self.last.append(acceptance)
        self.sink.take(acceptance)

    def smtp_answer(self, name, octets):
        if self.mood == "defer the text":
            self.say("451 4.3.0 later")
            return True
        for r in self.recipients:
            self.accept(name, r, octets, self.mood != "swallow")
        if self.mood == "swallow":
            return False
        self.say("250 2.0.0 taken")
        self.sink.note("answered")
        return True

    def lmtp_answers(self, name, octets):
        """RFC 2033 §4.2: one for each recipient."""
        for r in self.recipients:
            if r.startswith("no"):
                self.say("550 5.1.1 nobody")
                self.sink.note("refused")
            elif self.mood == "defer the text" and self.sink.toss():
                self.say("451 4.3.0 later")
            elif self.mood == "swallow" and self.sink.toss():
                self.accept(name, r, octets, answered=False)
                return False
            else:
                self.accept(name, r, octets, answered=True)
                self.say("250 2.0.0 taken")
                self.sink.note("answered")
        return True
