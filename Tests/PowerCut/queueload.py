"""Users who send to others and take some of it back, until the server dies, and note what they were told."""
import queue
import random
import time

import control
from load import Worker, message
from oracle import Mail, Violation, digest
from wire import SMTP, Closed

DOMAINS = ["one.example", "two.example"]


class Letter(Mail):
    """A message that a user submits. `recipients` are accounts of this house, `others` addresses elsewhere, whose local parts name the letter; `told`:
    those on whose success there is a report too (RFC 3461 §5.2.2: the sink does not know DSN); `asked`: when it was submitted, and `hold`: seconds for
    which it was to wait since then; `taken_back`: somebody asked for that, and `cancelled`: when the answer said that it was."""

    __slots__ = ("sender", "others", "told", "hold", "asked", "cancelled", "taken_back")

    def __init__(self, name, data, sender, recipients, others, told):
        super().__init__(name, data, recipients)
        self.digest = digest(data.partition(b"\r\n\r\n")[2])
        self.sender, self.others, self.told = sender, others, told
        self.hold, self.asked, self.cancelled, self.taken_back = 0, None, None, False

    def due(self):
        """It goes no sooner. The server counts whole seconds, from the beginning of the one in which it was asked."""
        return self.asked + self.hold - 1 if self.hold else self.asked

    def is_cancelled(self):
        """It was held when it was cancelled: nobody ever gets it."""
        return self.cancelled is not None and self.cancelled < self.due()

    def may_be_cancelled(self):
        return self.taken_back and not self.is_cancelled()


class Submitter(Worker):
    """`hold`: the server's own, in seconds (outbound.hold)."""

    def __init__(self, server, label, sender, names, seed, sink, hold, regrets):
        super().__init__()
        self.server, self.label, self.sender, self.names, self.chance = server, label, sender, names, random.Random(seed)
        self.sink, self.hold, self.regrets, self.mails = sink, hold, regrets, []

    def work(self):
        while True:
            with SMTP(self.server.host, self.server.port("submissions"), tls=True, timeout=30) as smtp:
                self.expect(235, smtp.auth_plain(self.server.address(self.sender), self.server.passwords[self.sender]), "AUTH")
                for _ in range(self.chance.randint(5, 30)):
                    self.submit(smtp)

    def expect(self, code, reply, what):
        if reply[0] == 421 or (what == "AUTH" and reply[0] == 454):
            raise Closed("%d %s" % reply)
        if reply[0] != code:
            raise Violation("%s: %d %s" % (what, *reply))

    def submit(self, smtp):
        name = "%s-%d" % (self.label, len(self.mails))
        data = message(name, self.chance)
        recipients = self.chance.sample(self.names, self.chance.choice([0, 0, 1, 2]))
        others = ["%s%d.%s@%s" % (self.chance.choices(["to", "no"], [85, 15])[0], n, name, self.chance.choice(DOMAINS))
                  for n in range(self.chance.choice([1, 1, 2, 3]))]
        letter = Letter(name, data, self.sender, recipients, others, {a for a in others if self.chance.random() < 0.1})
        self.mails.append(letter)
        seconds = self.chance.choice([2, 3, 4]) if self.chance.random() < 0.2 else 0
        letter.hold, letter.asked = max(seconds, self.hold), time.monotonic()
        self.expect(250, smtp.command("MAIL FROM:<%s>%s" % (self.server.address(self.sender), " HOLDFOR=%d" % seconds if seconds else "")), "MAIL")
        for r in letter.recipients:
            self.expect(250, smtp.command("RCPT TO:<%s>" % self.server.address(r)), "RCPT")
        for a in letter.others:
            self.expect(250, smtp.command("RCPT TO:<%s>%s" % (a, " NOTIFY=SUCCESS,FAILURE" if a in letter.told else "")), "RCPT")
        self.expect(354, smtp.command("DATA"), "DATA")
        letter.state = Mail.UNKNOWN
        smtp.send(SMTP.stuffed(data))
        reply = smtp.reply()
        letter.state = Mail.ANSWERED if reply[0] == 250 else Mail.REFUSED
        self.expect(250, reply, name)
        self.sink.note("submitted")
        if letter.hold >= 3 and self.chance.random() < 0.5:
            self.regrets.put(letter)


class Canceller(Worker):
    """Takes letters back that are held."""

    def __init__(self, server, regrets):
        super().__init__()
        self.server, self.regrets = server, regrets

    def work(self):
        while self.server.alive():
            try:
                letter = self.regrets.get(timeout=0.2)
            except queue.Empty:
                continue
            entry = self.entry(letter)
            if entry:
                self.cancel(letter, entry)

    def entry(self, letter):
        """None: it has gone."""
        for line in control.queue(self.server, sender="<%s>" % self.server.address(letter.sender)):
            if any(letter.name in r["address"].split("@")[0].split(".") for r in line["recipients"]):
                return line["id"]

    def cancel(self, letter, entry):
        letter.taken_back = True
        answer = control.ask(self.server, {"changeQueue": {"action": "cancel", "ids": [entry], "selection": {}}})
        if control.is_closing(answer):
            raise Closed("it stops")
        if "queueChanged" not in answer:
            raise Violation("%s is not cancelled: %s" % (letter.name, answer))
        if entry in answer["queueChanged"]["change"]["changed"]:
            letter.cancelled = time.monotonic()
