"""What must be true of the server after a crash, kept from what clients were told before it."""
import hashlib
import re
import threading


class Violation(Exception):
    """A promise that was not kept."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


TRACE = re.compile(rb"Return-Path: [^\r\n]*\r\n(?:Delivered-To: [^\r\n]*\r\n)?Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")


def bare(data: bytes) -> bytes:
    """Without the trace lines in front."""
    m = TRACE.match(data)
    return data[m.end() :] if m else data


class ModSeqs:
    """Of one account: which operation each ModSeq belongs to."""

    def __init__(self, name):
        self.name, self.owner, self.top, self.lock = name, {}, 0, threading.Lock()

    def told(self, modseq: int, operation: str, rises=False):
        """A client saw it. `rises`: it is the newest operation of the account, so it is above all that were told before."""
        with self.lock:
            known = self.owner.setdefault(modseq, operation)
            if known != operation:
                raise Violation("%s: ModSeq %d was given to %s and to %s" % (self.name, modseq, known, operation))
            if rises and modseq < self.top:
                raise Violation("%s: ModSeq %d of %s after %d was told" % (self.name, modseq, operation, self.top))
            self.top = max(self.top, modseq)


class UIDs:
    """Of one mailbox: which message each UID means, for ever."""

    def __init__(self, name):
        self.name, self.message, self.top, self.validity, self.lock = name, {}, 0, None, threading.Lock()

    def told(self, uid: int, message: str, is_new=False):
        with self.lock:
            known = self.message.setdefault(uid, message)
            if known != message:
                raise Violation("%s: UID %d meant %s and means %s" % (self.name, uid, known, message))
            if is_new and uid <= self.top:
                raise Violation("%s: new UID %d of %s, but %d was told before" % (self.name, uid, message, self.top))
            self.top = max(self.top, uid)

    def valid(self, validity: int):
        if self.validity not in (None, validity):
            raise Violation("%s: UIDVALIDITY %d became %d" % (self.name, self.validity, validity))
        self.validity = validity


class Mail:
    """A message on its way by SMTP."""

    UNSENT, UNKNOWN, ANSWERED, REFUSED = "unsent", "unanswered", "answered 250", "refused"
    __slots__ = ("name", "digest", "recipients", "state")

    def __init__(self, name, data, recipients):
        self.name, self.digest, self.recipients, self.state = name, digest(data), recipients, Mail.UNSENT

    def must_be_there(self):
        return self.state == Mail.ANSWERED

    def may_be_there(self):
        return self.state in (Mail.ANSWERED, Mail.UNKNOWN)


class Inbox:
    """An account that only SMTP delivers to."""

    def __init__(self, name):
        self.name = name
        self.uids, self.modseqs = UIDs(name + "/INBOX"), ModSeqs(name)
        self.there = {}  # UID: message name, as last verified
        self.shown = {}  # UID: (message name, ModSeq) that a client fetched since

    def check(self, rows, expected, facts):
        """`rows`: {uid: (name, digest or None, modseq)}; `expected`: {name: Mail} of the mails since the last check."""
        self.uids.valid(facts["UIDVALIDITY"])
        names = {}
        for uid, (name, body, modseq) in sorted(rows.items()):
            if name in names:
                raise Violation("%s: %s is there twice, as %d and %d" % (self.name, name, names[name], uid))
            names[name] = uid
            old = self.there.get(uid)
            if old is None:
                mail = expected.get(name)
                if mail is None or self.name not in mail.recipients:
                    raise Violation("%s: UID %d is %s, which nobody sent there" % (self.name, uid, name))
                if not mail.may_be_there():
                    raise Violation("%s: %s is there, but was %s" % (self.name, name, mail.state))
                if self.there and uid <= max(self.there):
                    raise Violation("%s: new mail %s has UID %d, not above %d" % (self.name, name, uid, max(self.there)))
                if body is not None and body != mail.digest:
                    raise Violation("%s: %s has other octets than were sent" % (self.name, name))
            elif old != name:
                raise Violation("%s: UID %d was %s and is %s" % (self.name, uid, old, name))
            self.uids.told(uid, name)
            self.modseqs.told(modseq, name)
        for name in self.there.values():
            if name not in names:
                raise Violation("%s: %s was there before and is lost" % (self.name, name))
        for mail in expected.values():
            if mail.must_be_there() and self.name in mail.recipients and mail.name not in names:
                raise Violation("%s: %s was answered 250 and is lost" % (self.name, mail.name))
        for uid, (name, modseq) in self.shown.items():
            if uid not in rows or rows[uid][0] != name or rows[uid][2] != modseq:
                raise Violation("%s: a client was shown UID %d, %s, ModSeq %d; now %s" % (self.name, uid, name, modseq, rows.get(uid)))
        if facts["UIDNEXT"] <= self.uids.top:
            raise Violation("%s: UIDNEXT %d, but %d was told" % (self.name, facts["UIDNEXT"], self.uids.top))
        if rows and facts["HIGHESTMODSEQ"] < self.modseqs.top:
            raise Violation("%s: HIGHESTMODSEQ %d, but %d was told" % (self.name, facts["HIGHESTMODSEQ"], self.modseqs.top))
        self.there = {uid: row[0] for uid, row in rows.items()}
        self.shown = {}


class Row:
    """A message in a writer's mailbox as its client knows it."""

    __slots__ = ("name", "digest", "flags", "operation")

    def __init__(self, name, body, flags, operation):
        self.name, self.digest, self.flags, self.operation = name, body, frozenset(flags), operation

    def key(self):
        return self.name, self.digest, self.flags


class Rows(dict):
    """A mailbox of a drawer: {uid: Row}. What its UIDs mean goes with it when it is renamed."""

    def __init__(self, rows, uids):
        super().__init__(rows)
        self.uids = uids

    def copy(self):
        return Rows(self, self.uids)


class Drawer:
    """An account that one IMAP client alone changes: {mailbox: Rows} after every answered command, and what may have become of the
    commands that were not answered."""

    def __init__(self, name, mailboxes):
        self.name = name
        self.boxes = {m: self.empty(m) for m in mailboxes}
        self.modseqs = ModSeqs(name)
        self.validity = 0  # the highest UIDVALIDITY that was seen
        self.pending = []  # functions: boxes with None for unknown UIDs -> whether that is what is there

    def empty(self, mailbox):
        return Rows({}, UIDs("%s/%s" % (self.name, mailbox)))

    def adopt(self, found, facts):
        """`found`: {mailbox: {uid: (name, digest, flags, modseq)}}. It must be the known state, or that after the pending commands; a list of
        pending appends may have come through each for itself, in order."""
        reasons = []
        for outcome in self.outcomes():
            reason = self.matches(found, facts, outcome)
            if reason is None:
                self.take(found, facts, outcome)
                return
            reasons.append(reason)
        raise Violation("%s: neither before nor after the unanswered command: %s" % (self.name, " | ".join(reasons)))

    def outcomes(self):
        """Every state that may be there: (rows by mailbox with known UIDs, new rows by mailbox in order)."""
        states = [({m: rows.copy() for m, rows in self.boxes.items()}, {m: [] for m in self.boxes})]
        for change in self.pending:
            states += [change({m: r.copy() for m, r in rows.items()}, {m: list(n) for m, n in new.items()}) for rows, new in states]
        return states

    def matches(self, found, facts, outcome):
        rows, new = outcome
        if set(rows) != set(found):
            return "mailboxes %s, should be %s" % (sorted(found), sorted(rows))
        for mailbox, known in rows.items():
            reason = self.mailbox_matches(mailbox, found[mailbox], facts[mailbox], known, new[mailbox])
            if reason:
                return "%s: %s" % (mailbox, reason)
        return None

    def mailbox_matches(self, mailbox, there, facts, known, new):
        if known.uids.validity not in (None, facts["UIDVALIDITY"]):
            return "UIDVALIDITY %d became %d" % (known.uids.validity, facts["UIDVALIDITY"])
        if known.uids.validity is None and facts["UIDVALIDITY"] <= self.validity and mailbox not in ("A", "B"):
            return "a new mailbox has UIDVALIDITY %d, not above %d" % (facts["UIDVALIDITY"], self.validity)
        if facts["UIDNEXT"] <= known.uids.top:
            return "UIDNEXT %d, but %d was told" % (facts["UIDNEXT"], known.uids.top)
        fresh = sorted(set(there) - set(known))
        for uid, row in known.items():
            if uid not in there:
                return "UID %d, %s, is missing" % (uid, row.name)
            if there[uid][:3] != row.key():
                return "UID %d should be %s and is %s" % (uid, row.key(), there[uid][:3])
        if [there[u][:3] for u in fresh] != [r.key() for r in new]:
            return "new are %s, should be %s" % ([there[u][0] for u in fresh], [r.name for r in new])
        if fresh and fresh[0] <= known.uids.top:
            return "a new message has UID %d, not above %d" % (fresh[0], known.uids.top)
        return None

    def take(self, found, facts, outcome):
        rows, new = outcome
        for mailbox, known in rows.items():
            known.uids.valid(facts[mailbox]["UIDVALIDITY"])
            self.validity = max(self.validity, facts[mailbox]["UIDVALIDITY"])
            fresh = sorted(set(found[mailbox]) - set(known))
            known.update(zip(fresh, new[mailbox]))
            for uid, row in known.items():
                known.uids.told(uid, row.name)
                self.modseqs.told(found[mailbox][uid][3], row.operation)
        self.boxes, self.pending = rows, []
