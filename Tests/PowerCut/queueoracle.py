"""What must have become of mail that was to go out, kept from what its senders were told, what the other servers took and what the queue says."""
import email
import re

from oracle import Mail, Violation, digest

DELIVERED = re.compile(r'\] Delivered .*? recipient="?([^\s"]+)')


class Life:
    """The server from one start to its end. `since`: where its log begins; `written`: those of whom it logged that they have their message, which it
    does once that is durable."""

    def __init__(self, since):
        self.since, self.is_over, self.ended_well, self.written = since, False, False, frozenset()

    def end(self, log, well):
        self.is_over, self.ended_well, self.written = True, well, frozenset(DELIVERED.findall(log))


class Book:
    """Everything since the first round."""

    def __init__(self, senders, address):
        self.address = address  # of an account by its name
        self.letters = {}
        self.lives = {}  # number: Life
        self.seen = {n: 0 for n in senders}  # the UID up to which an INBOX was read
        self.counted = {n: 0 for n in senders}  # how many messages were in it
        self.placed = {}  # (account, letter's name): how often
        self.reports = {}  # (address, action): how often
        self.addresses = {}  # of others: Letter

    def add(self, letters):
        for letter in letters:
            self.letters[letter.name] = letter
            for a in letter.others:
                self.addresses[a] = letter

    # -- what came into mailboxes here --------------------------------------------------------------------------------------

    def read(self, name, bodies, exists, at):
        """New messages of an INBOX by UID; how many it has now in all."""
        self.counted[name] += len(bodies)
        if exists != self.counted[name]:
            raise Violation("%s has %d messages and should have %d" % (name, exists, self.counted[name]))
        for uid, octets in sorted(bodies.items()):
            self.seen[name] = max(self.seen[name], uid)
            head, _, text = octets.partition(b"\r\n\r\n")
            if b"multipart/report" in head:
                self.read_report(name, octets)
            else:
                self.read_letter(name, re.search(rb"^X-Cut: (\S+)\r$", head + b"\r\n", re.M)[1].decode(), text, at)

    def read_letter(self, name, letter_name, text, at):
        letter = self.letters.get(letter_name)
        if letter is None or name not in letter.recipients or not letter.may_be_there():
            raise Violation("%s has %s, which was not sent there: %s" % (name, letter_name, letter and letter.state))
        if digest(text) != letter.digest:
            raise Violation("%s: %s has other octets than were sent" % (name, letter_name))
        if letter.hold and at < letter.due():
            raise Violation("%s: %s came %.1f s too soon" % (name, letter_name, letter.due() - at))
        key = name, letter_name
        self.placed[key] = self.placed.get(key, 0) + 1
        if self.placed[key] > 1:
            raise Violation("%s has %s twice" % key)

    def read_report(self, name, octets):
        report = email.message_from_bytes(octets)
        about = re.search(rb"^X-Cut: (\S+)\r$", octets, re.M)[1].decode()
        for fields in report.get_payload(1).get_payload()[1:]:
            address, action = fields["Final-Recipient"].split(";")[1].strip(), fields["Action"]
            letter = self.addresses.get(address)
            if letter is None or letter.name != about or letter.sender != name:
                raise Violation("%s has a report on %s for %s, which is another's" % (name, about, address))
            if action != ("failed" if address.startswith("no") else "relayed") or (action == "relayed" and address not in letter.told):
                raise Violation("%s has a report that says %s of %s" % (name, action, address))
            key = address, action
            self.reports[key] = self.reports.get(key, 0) + 1
            if self.reports[key] > 1:
                raise Violation("%s has two reports that say %s of %s" % (name, action, address))

    # -- the whole ----------------------------------------------------------------------------------------------------------

    def check(self, lines, taken, wrong, is_drained):
        """`lines`: the queue as it was before `taken` and the mailboxes were looked at, so that what is missing there must be here."""
        if wrong:
            raise Violation("; ".join(wrong))
        self.check_taken(taken)
        there = {a.recipient for a in taken}
        queued = {}
        for line in lines:
            if line["recipientCount"] != len(line["recipients"]):
                raise Violation("a line of the queue with some recipients alone: %s" % line)
            for r in line["recipients"]:
                key = r["address"] if r["address"] in self.addresses else (r["address"], self.name_of(line))
                if key in queued:
                    raise Violation("%s is in the queue twice" % r["address"])
                queued[key] = r["phase"]
        for address, phase in queued.items():
            if phase == "delivered" and address not in there and address in self.addresses:
                raise Violation("%s: the queue has it as delivered, and nobody took it" % address)
        for letter in self.letters.values():
            self.check_letter(letter, queued, there, is_drained)
        return self.duplicates(taken)

    def name_of(self, line):
        """The letter that a line of the queue is about: one recipient at least is elsewhere."""
        return next(self.addresses[r["address"]].name for r in line["recipients"] if r["address"] in self.addresses)

    def check_taken(self, taken):
        for a in taken:
            letter = self.addresses.get(a.recipient)
            if letter is None or letter.name != a.name or not letter.may_be_there() or a.recipient.startswith("no"):
                raise Violation("%s was brought to %s: %s" % (a.name, a.recipient, letter and letter.state))
            if a.digest != letter.digest:
                raise Violation("%s was brought to %s with other octets than were sent" % (a.name, a.recipient))
            if letter.hold and a.at < letter.due():
                raise Violation("%s was brought %.1f s too soon" % (a.recipient, letter.due() - a.at))
            life = self.lives[a.life]
            if life.ended_well and a.answered and a.recipient not in life.written and not letter.may_be_cancelled():
                raise Violation("%s was taken in life %d, which ended in good order and did not say so" % (a.recipient, a.life))

    def check_letter(self, letter, queued, there, is_drained):
        """Which of its recipients have it, or will, or are told of; all, or none where it was not answered."""
        found, missing = [], []
        for name in letter.recipients:
            waits = queued.get((self.address(name), letter.name)) == "waiting"
            (found if waits or (name, letter.name) in self.placed else missing).append(name)
        for address in letter.others:
            waits = queued.get(address) in ("waiting", "failed")
            if address.startswith("no"):
                is_there = (address, "failed") in self.reports
            else:
                is_there = address in there
                if (address, "relayed") in self.reports and not is_there:
                    raise Violation("%s: a report says that it was relayed, and nobody took it" % address)
                if is_drained and is_there and address in letter.told and (address, "relayed") not in self.reports:
                    raise Violation("%s was taken, and the report on it is lost" % address)
            (found if waits or is_there else missing).append(address)
        if letter.is_cancelled():
            if found:
                raise Violation("%s was cancelled while it was held, and yet: %s" % (letter.name, found))
        elif letter.state in (Mail.UNSENT, Mail.REFUSED):
            if found:
                raise Violation("%s was %s, and yet: %s" % (letter.name, letter.state, found))
        elif missing and not letter.may_be_cancelled() and (letter.must_be_there() or found):
            raise Violation("%s, %s, is lost for %s; not for %s" % (letter.name, letter.state, missing, found))

    def duplicates(self, taken):
        """(answers that were lost, crashes, what a crash repeated at most: messages): who repeated them. Everything else is a violation."""
        by_recipient, lost, crashed, repeated = {}, 0, 0, {}
        for a in taken:
            by_recipient.setdefault(a.recipient, []).append(a)
        for recipient, all_ in by_recipient.items():
            all_.sort(key=lambda a: a.life)  # stable: in one life in the order in which they came
            for a, b in zip(all_, all_[1:]):
                life = self.lives[a.life]
                if not a.answered:
                    lost += 1
                elif not a.committed and recipient not in life.written and b.life > a.life and not life.ended_well:
                    crashed += 1
                    repeated.setdefault(a.life, set()).add((id(a.connection), a.name))
                else:
                    raise Violation("%s was taken in life %d and again in life %d, and nothing explains it: %s" % (
                        recipient, a.life, b.life, {"committed": a.committed, "logged": recipient in life.written, "ended well": life.ended_well}))
        for life, messages in repeated.items():
            # One is on its way while the one before it is written down.
            if len(messages) > 2 * len({connection for connection, _ in messages}):
                raise Violation("life %d: a connection had three messages under way: %s" % (life, messages))
        return lost, crashed, max(map(len, repeated.values()), default=0)
