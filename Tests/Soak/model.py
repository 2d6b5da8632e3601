"""What must be true of an account that many clients change at the same time, kept from what each was told.

The keyword $kN of a message is changed by client N alone: so its client knows it exactly, and everybody else must see it once the command is
answered. What a broken connection leaves unknown is learnt at the next quiet moment, within what may have become of it.
"""

UNKNOWN = None


class Violation(Exception):
    """An answer that the model does not allow."""


class Message:
    __slots__ = ("name", "digest", "marks", "late", "is_gone", "may_be_gone")

    def __init__(self, name, digest, marks):
        self.name, self.digest = name, digest
        self.marks = marks  # {client: True, False or UNKNOWN}; a client that is not in it has not marked it
        self.late = set()  # clients whose cut connection may still change their mark: before or after what they do on the next one
        self.is_gone = self.may_be_gone = False

    def set_mark(self, client, mark):
        self.marks[client] = UNKNOWN if client in self.late else mark

    def cut(self, client):
        """A command of this client was sent, and the connection cut at once."""
        self.late.add(client)
        self.marks[client] = UNKNOWN


class Box:
    """A mailbox."""

    def __init__(self, name):
        self.name = name
        self.validity = None
        self.messages = {}  # UID: Message, also of those that are gone
        self.facts = {}  # (UID, ModSeq): flags as somebody saw them
        self.highest = {}  # UID: highest ModSeq that was seen
        self.expected = {}  # name: digest of what was sent here without a UID being told
        self.possible = {}  # name: digest of what may have come here
        self.top = 0

    def placed(self, uid, message):
        """A client was told the UID of a new message."""
        known = self.messages.get(uid)
        if known and known.name != message.name:
            raise Violation("%s: UID %d is %s and was %s" % (self.name, uid, message.name, known.name))
        self.messages.setdefault(uid, message)
        self.expected.pop(message.name, None)
        self.top = max(self.top, uid)

    def saw(self, uid, modseq, flags):
        """A client was shown the flags of a message as of a ModSeq."""
        known = self.facts.setdefault((uid, modseq), flags)
        if known != flags:
            raise Violation("%s: UID %d at ModSeq %d has %s and had %s" % (self.name, uid, modseq, sorted(flags), sorted(known)))
        self.highest[uid] = max(modseq, self.highest.get(uid, 0))

    def saw_gone(self, uid):
        message = self.messages.get(uid)
        if message:
            message.is_gone = True

    def check_mark(self, uid, client, flags):
        """What client `client` sees of its own keyword."""
        message = self.messages.get(uid)
        if message is None or client not in message.marks:
            return
        known, seen = message.marks[client], "$k%d" % client in flags
        if known is UNKNOWN:
            message.set_mark(client, seen)
        elif known != seen:
            raise Violation("%s: UID %d: $k%d is %s and should be %s" % (self.name, uid, client, seen, known))

    def living(self):
        return [u for u, m in self.messages.items() if not m.is_gone]

    # -- when all is quiet ------------------------------------------------------------------------------------------------

    def verify(self, rows, status):
        """`rows`: {uid: (name, size, flags, modseq)} of the whole mailbox; `status`: what STATUS said."""
        for uid, (name, _, flags, modseq) in sorted(rows.items()):
            self.saw(uid, modseq, flags)
            self.adopt(uid, name)
            message = self.messages[uid]
            if message.is_gone:
                raise Violation("%s: UID %d, %s, is there again" % (self.name, uid, name))
            if modseq < self.highest[uid]:
                raise Violation("%s: UID %d has ModSeq %d and had %d" % (self.name, uid, modseq, self.highest[uid]))
            message.late.clear()
            for client in list(message.marks):
                self.check_mark(uid, client, flags)
            message.may_be_gone = False
        for uid in self.living():
            if uid in rows:
                continue
            message = self.messages[uid]
            if not message.may_be_gone:
                raise Violation("%s: UID %d, %s, is lost" % (self.name, uid, message.name))
            message.is_gone = True
        if self.expected:
            raise Violation("%s: %s never came" % (self.name, sorted(self.expected)[:5]))
        self.possible.clear()
        self.count(rows, status)
        self.forget(rows)

    def adopt(self, uid, name):
        """A UID that no client was told of must be something that may have come."""
        known = self.messages.get(uid)
        if known:
            if known.name != name:
                raise Violation("%s: UID %d is %s and was %s" % (self.name, uid, name, known.name))
            return
        for source in (self.expected, self.possible):
            if name in source:
                self.messages[uid] = Message(name, source.pop(name), {})
                self.top = max(self.top, uid)
                return
        raise Violation("%s: UID %d is %s, which nobody put there" % (self.name, uid, name))

    def count(self, rows, status):
        flags = [r[2] for r in rows.values()]
        should = {
            "MESSAGES": len(rows),
            "UNSEEN": sum("\\Seen" not in f for f in flags),
            "DELETED": sum("\\Deleted" in f for f in flags),
            "SIZE": sum(r[1] for r in rows.values()),
        }
        for item, number in should.items():
            if status[item] != number:
                raise Violation("%s: STATUS %s %d, counted %d" % (self.name, item, status[item], number))
        if status["UIDNEXT"] <= self.top:
            raise Violation("%s: UIDNEXT %d, but %d was given" % (self.name, status["UIDNEXT"], self.top))
        if self.validity not in (None, status["UIDVALIDITY"]):
            raise Violation("%s: UIDVALIDITY %d became %d" % (self.name, self.validity, status["UIDVALIDITY"]))
        self.validity = status["UIDVALIDITY"]
        if rows and status["HIGHESTMODSEQ"] < max(r[3] for r in rows.values()):
            raise Violation("%s: HIGHESTMODSEQ %d is below a message's" % (self.name, status["HIGHESTMODSEQ"]))

    def forget(self, rows):
        """Facts that are settled, so that a long run does not grow."""
        self.facts = {(u, r[3]): r[2] for u, r in rows.items()}
        self.highest = {u: r[3] for u, r in rows.items()}


class Account:
    def __init__(self, name, boxes=4):
        self.name = name
        self.names = ["INBOX"] + ["M%d" % n for n in range(1, boxes)]
        self.boxes = {b: Box("%s/%s" % (name, b)) for b in self.names}
