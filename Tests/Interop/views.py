"""What an IMAP client sees of an account, whole, as plain lists and dictionaries that JSON can hold."""
import hashlib

ITEMS = "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE EMAILID THREADID SAVEDATE BODY.PEEK[])"
FIELDS = ["uid", "flags", "modseq", "internaldate", "size", "emailid", "threadid", "savedate", "sha256"]


def text(value):
    """Octets as text, and so whatever a list holds."""
    if isinstance(value, (list, tuple)):
        return [text(v) for v in value]
    return value.decode("utf-8") if isinstance(value, bytes) else value


def listed(imap, verb):
    """{name: [attributes, delimiter]} of LIST or LSUB; names as they travel, in modified UTF-7."""
    untagged = imap.command('%s "" "*"' % verb)[1]
    return {text(r[4]): [sorted(r[2]), text(r[3])] for r in untagged if r[1] == verb}


def said(imap, name, command):
    """The untagged responses of that name."""
    return [text(r[2:]) for r in imap.command(command)[1] if r[1] == name]


def quoted(name):
    return '"%s"' % name.replace("\\", "\\\\").replace('"', '\\"')


def message(items):
    """In the order of `FIELDS`."""
    return [int(items["UID"]), " ".join(sorted(items["FLAGS"])), int(items["MODSEQ"][0]), text(items["INTERNALDATE"]), int(items["RFC822.SIZE"]),
            text(items["EMAILID"][0]), text(items["THREADID"][0]) if items["THREADID"] else None, text(items["SAVEDATE"]),
            hashlib.sha256(items["BODY[]"]).hexdigest()]


def mailbox(imap, name):
    """Its numbers, rights and annotations, and every message. It is examined, so that nothing changes."""
    mine = said(imap, "MYRIGHTS", "MYRIGHTS " + quoted(name))[0][1]
    seen = {"MYRIGHTS": "".join(sorted(mine)), "GETMETADATA": said(imap, "METADATA", "GETMETADATA (DEPTH infinity) %s (/shared /private)" % quoted(name)),
            "GETQUOTAROOT": said(imap, "QUOTA", "GETQUOTAROOT " + quoted(name))}
    if "a" in mine:
        seen["GETACL"] = said(imap, "ACL", "GETACL " + quoted(name))
    if "r" not in mine:
        return seen
    facts = imap.select(name, "EXAMINE")
    seen.update({k: facts.get(k) for k in ("EXISTS", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ")})
    seen["messages"] = []
    if facts.get("EXISTS"):
        found = imap.fetch("1:*", ITEMS)
        seen["messages"] = [message(found[uid]) for uid in sorted(found)]
    imap.command("UNSELECT")
    return seen


def account(imap):
    """All that the logged in user sees."""
    names = listed(imap, "LIST")
    return {"LIST": names, "LSUB": listed(imap, "LSUB"), "GETMETADATA": said(imap, "METADATA", 'GETMETADATA (DEPTH infinity) "" (/shared /private)'),
            "mailboxes": {n: mailbox(imap, n) for n, (attributes, _) in sorted(names.items())
                          if not {"\\Noselect", "\\NonExistent"} & set(attributes)}}
