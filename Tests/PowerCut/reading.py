"""Reads accounts over IMAP, and tells what is lawfully refused from what is silently missing."""
import hashlib
import json

from wire import IMAP, Closed, Refused

ITEMS = "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE EMAILID BODY.PEEK[])"
MAILBOXES = ["INBOX", "Work", "Work/Copies", "Large"]
WORD = "marker"


class Wrong(Exception):
    """A promise that was not kept."""


class Seen:
    """A mailbox as a client saw it: `facts` of EXAMINE or None, {uid: (flags, modseq, date, size, email id, sha-256)} of what was served, the
    UIDs that were refused, and what SEARCH found or None."""

    def __init__(self):
        self.facts, self.messages, self.refused, self.found = None, {}, set(), None


def message(items):
    return (frozenset(items["FLAGS"]) - {"\\Recent"}, int(items["MODSEQ"][0]), items["INTERNALDATE"], int(items["RFC822.SIZE"]),
            int(text(items["EMAILID"][0])[1:]), hashlib.sha256(items["BODY[]"]).hexdigest())


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def fetched(untagged):
    found = {}
    for items in IMAP.fetched(untagged).values():
        if "BODY[]" in items:
            if int(items["UID"]) in found:
                raise Wrong("UID %s was answered twice" % items["UID"])
            found[int(items["UID"])] = message(items)
    return found


def read_mailbox(imap, name, uids) -> Seen:
    """`uids`: whom to ask for one by one when they cannot be had together; None: those that there are."""
    seen = Seen()
    try:
        seen.facts = imap.select(name, "EXAMINE")
    except Refused as e:
        lawful(e)
        return seen
    if not seen.facts["EXISTS"]:
        return seen
    whole, search = imap.start("UID FETCH 1:* " + ITEMS), imap.start("UID SEARCH TEXT " + WORD)
    try:
        seen.messages = fetched(imap.finish(whole)[1])
        if len(seen.messages) != seen.facts["EXISTS"]:
            raise Wrong("%s: OK with %d of %d messages" % (name, len(seen.messages), seen.facts["EXISTS"]))
    except Refused as e:
        lawful(e)
        whole = None
    try:
        seen.found = {int(n) for r in imap.finish(search)[1] if r[1] in ("SEARCH",) for n in r[2:]}
    except Refused as e:
        lawful(e)
    if whole is None and uids is None:
        try:
            uids = sorted(int(n) for r in imap.command("UID SEARCH ALL")[1] if r[1] == "SEARCH" for n in r[2:])
        except Refused as e:
            lawful(e)
    if whole is None:
        for uid, tag in [(uid, imap.start("UID FETCH %d %s" % (uid, ITEMS))) for uid in uids or []]:
            try:
                got = fetched(imap.finish(tag)[1])
                if set(got) != {uid}:
                    raise Wrong("%s: OK to UID %d, and no message" % (name, uid))
                seen.messages.update(got)
            except Refused as e:
                lawful(e)
                seen.refused.add(uid)
    return seen


def lawful(refusal):
    if not str(refusal).startswith("NO"):
        raise Wrong("answered %s" % refusal)


def read_account(server, name, truth=None):
    """{mailbox: Seen}, or None when the login is refused. `truth`: the same of the unharmed folder."""
    with IMAP(server.host, server.port("imap")) as imap:
        try:
            imap.login(server.address(name), server.passwords[name])
        except Refused as e:
            lawful(e)
            return None
        known = [m for m in MAILBOXES if m in (truth or MAILBOXES)]
        try:
            listed = [text(r[4]) for r in imap.command('LIST "" "*"')[1] if r[1] == "LIST"]
        except Refused as e:
            lawful(e)
            listed = known  # a mailbox that has no name any more is no reason to refuse the others
        seen = {m: read_mailbox(imap, m, sorted(truth[m].messages) if truth and m in truth else None) for m in known + sorted(set(listed) - set(MAILBOXES))
                if m in listed}
        tag = imap.start("LOGOUT")
        imap.finish(tag)
        return seen


def read_all(server, truth=None):
    seen = {}
    for name in server.passwords:
        try:
            seen[name] = read_account(server, name, truth and truth[name])
        except (Closed, TimeoutError, OSError) as e:
            raise Wrong("%s: the connection was dropped: %r" % (name, e)) from e
    return seen


def check(server):
    """The problems that `store check` names; its exit status agrees."""
    r = server.cli("store", "check", "--json", check=False)
    if r.returncode not in (0, 65):
        raise Wrong("`store check` ends with %d: %s" % (r.returncode, r.stderr[-500:]))
    try:
        problems = json.loads(r.stdout)["problems"]
    except ValueError:
        problems = r.stderr.strip().splitlines()  # it does not come so far as to a report
    if (r.returncode == 65) != bool(problems):
        raise Wrong("`store check` ends with %d and names %s" % (r.returncode, problems[:3]))
    return problems
