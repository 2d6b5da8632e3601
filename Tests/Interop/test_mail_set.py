"""Hundreds of awkward and real messages: in by SMTP, out by IMAP and by mbsync, octet for octet; then synchronised both ways."""
import hashlib
import os
import re
import ssl
from collections import Counter

import mailset
import pytest
from conftest import need, run
from wire import SMTP

pytestmark = pytest.mark.own


def send_all(server, address, messages):
    """By DATA and BDAT in turn; {number: octets as they must come back}."""
    sent = {}
    with SMTP(server.host, server.port("smtp"), timeout=120) as smtp:
        for i, m in enumerate(messages):
            options = " ".join(["BODY=8BITMIME"] * ("8BITMIME" in m.needs) + ["SMTPUTF8"] * ("SMTPUTF8" in m.needs))
            bdat = i % 2 == 1 or not (m.data == b"" or m.data.endswith(b"\r\n"))
            code, text = smtp.deliver(m.sender, [address], m.data, options, bdat=bdat, chunk=100_000)
            assert code == 250, (m.number, m.name, code, text)
            sent[i] = mailset.as_taken(m.data)
    return sent


def compare(sent, received, names):
    """Each once, none else."""
    wanted, got = Counter(sent.values()), Counter(received)
    if wanted == got:
        return
    for i, data in sent.items():
        if data not in got:
            near = max(received, key=lambda r: len(os.path.commonprefix([r, data])))
            pytest.fail("%s: %s" % (names[i], mailset.difference(data, near)))
    pytest.fail("%d messages more than were sent" % (sum(got.values()) - sum(wanted.values())))


@pytest.fixture(scope="module", params=["generated", "real"])
def messages(request):
    found = mailset.generated() if request.param == "generated" else mailset.real()
    if not found:
        pytest.skip("no mail in %s; MARTLET_TEST_MAIL names another folder" % mailset.LKML)
    return found


def test_smtp_in_imap_out(server, account, messages):
    sent = send_all(server, account.address, messages)
    received = account.bodies()
    assert sorted(received) == list(range(1, len(sent) + 1))
    compare(sent, [mailset.without_trace(b) for b in received.values()], [m.name for m in messages])
    with account.imap() as imap:  # sizes say what bodies are; every message has a structure and an envelope
        imap.select("INBOX")
        facts = imap.fetch("1:*", "(RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
        assert {u: int(f["RFC822.SIZE"]) for u, f in facts.items()} == {u: len(b) for u, b in received.items()}
        assert all(len(f["ENVELOPE"]) == 10 and f["BODYSTRUCTURE"] for f in facts.values())
        for uid in list(received)[:: max(1, len(received) // 20)]:
            body = received[uid]
            part = imap.fetch(uid, "(BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[]<3.7>)")[uid]
            assert (part["BODY[HEADER]"] or b"") + (part["BODY[TEXT]"] or b"") == body
            assert part["BODY[]<3>"] == body[3:10]


def test_append_in_fetch_out(account, messages):
    with account.imap() as imap:
        for m in messages:
            try:
                imap.command("APPEND INBOX ", m.data)
            except Exception as e:
                if m.data:  # RFC 9051 §6.3.12 does not ask a server to take a message of no octets
                    pytest.fail("%s: %s" % (m.name, e))
    sent = {i: m.data for i, m in enumerate(messages)}
    received = list(account.bodies().values())
    if b"" not in received:
        sent = {i: d for i, d in sent.items() if d}
    compare(sent, received, [m.name for m in messages])


# -- mbsync -----------------------------------------------------------------------------------------------------------


class Mbsync:
    def __init__(self, server, account, folder):
        self.folder = folder
        self.maildir = folder / "mail"
        self.maildir.mkdir()
        certificate = folder / "server.pem"
        certificate.write_text(ssl.get_server_certificate((server.host, server.port("imaps"))))
        self.configuration = folder / "mbsyncrc"
        self.configuration.write_text("""
IMAPAccount a
Host %s
Port %d
User "%s"
Pass "%s"
SSLType IMAPS
CertificateFile %s
PipelineDepth 20

IMAPStore far
Account a

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel both
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""" % (server.host, server.port("imaps"), account.user, account.password, certificate, self.maildir, self.maildir))

    def __call__(self):
        status, said = run("mbsync", "-c", str(self.configuration), "-a", timeout=300)
        assert status == 0, said.decode("utf-8", "replace")
        return said

    def files(self, mailbox):
        """{uid: (flags, octets with CRLF and without what mbsync adds)}; a file without a UID has a name for it."""
        found = {}
        for kind in ("cur", "new"):
            folder = self.maildir / mailbox / kind
            for file in folder.iterdir() if folder.exists() else []:
                uid = re.search(r",U=(\d+)", file.name)
                flags = re.search(r":2,([A-Z]*)$", file.name)
                data = TUID.sub(b"", file.read_bytes(), count=1)
                found[int(uid[1]) if uid else file.name] = ("".join(sorted(flags[1])) if flags else "", data.replace(b"\n", b"\r\n"), file)
        return found

    def change_flags(self, mailbox, uid, flags):
        file = self.files(mailbox)[uid][2]
        base = file.name.split(":2,")[0]
        file.rename(self.maildir / mailbox / "cur" / (base + ":2," + "".join(sorted(flags))))

    def add(self, mailbox, name, data, flags=""):
        for kind in ("cur", "new", "tmp"):
            (self.maildir / mailbox / kind).mkdir(parents=True, exist_ok=True)
        (self.maildir / mailbox / "cur" / (name + ":2," + flags)).write_bytes(data.replace(b"\r\n", b"\n"))


TUID = re.compile(rb"(?m)^X-TUID: [A-Za-z0-9+/]{12}\r?\n")  # mbsync's own mark
LETTERS = {"\\Seen": "S", "\\Flagged": "F", "\\Answered": "R", "\\Draft": "D", "\\Deleted": "T"}


def far(account, mailbox):
    """{digest of the octets: flags as Maildir's letters}, as a sorted list of pairs."""
    with account.imap() as imap:
        if not imap.select(mailbox).get("EXISTS"):
            return []
        return sorted((hashlib.sha256(TUID.sub(b"", m["BODY[]"], count=1).replace(b"\r\n", b"\n")).hexdigest(),
                       "".join(sorted(LETTERS[f] for f in m["FLAGS"] if f in LETTERS)))
                      for m in imap.fetch("1:*", "(UID FLAGS BODY.PEEK[])").values())


def near(sync, mailbox):
    return sorted((hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest(), flags) for flags, data, _ in sync.files(mailbox).values())


@need("mbsync")
def test_mbsync_both_ways(server, account, messages, tmp_path):
    messages = [m for m in messages if m.has_separator]  # mbsync refuses a message whose header does not end
    sent = send_all(server, account.address, messages)
    sync = Mbsync(server, account, tmp_path)
    sync()
    received = [mailset.without_trace(data) for _, data, _ in sync.files("INBOX").values()]
    # A Maildir has LF line ends, so a message's own last line end is all that mbsync's way can lose.
    compare(sent, received, [m.name for m in messages])

    # Flags, folders and messages change on both sides ...
    uids = sorted(sync.files("INBOX"))
    sync.change_flags("INBOX", uids[0], "FRS")
    sync.change_flags("INBOX", uids[1], "ST")
    sync.add("INBOX", "1.local.here", b"X-Local: inbox\r\n\r\nmade here\r\n", "S")
    sync.add("Made here", "2.local.here", b"X-Local: folder\r\n\r\nmade here\r\n", "F")
    with account.imap() as imap:
        imap.select("INBOX")
        imap.command(r"UID STORE %d +FLAGS (\Answered \Seen)" % uids[2])
        imap.command(r"UID STORE %d +FLAGS (\Deleted)" % uids[3])
        imap.command("UID EXPUNGE %d" % uids[3])
        imap.command('CREATE "Made there"')
        imap.command('APPEND "Made there" (\\Seen) ', b"X-Remote: folder\r\n\r\nmade there\r\n")
        imap.command('UID COPY %d "Made there"' % uids[4])
        imap.command("UID MOVE %d Archive" % uids[5])
    sync()
    sync()
    # ... and are alike afterwards.
    for mailbox in ("INBOX", "Made here", "Made there", "Archive"):
        assert near(sync, mailbox) == far(account, mailbox), mailbox
    files = sync.files("INBOX")
    assert files[uids[0]][0] == "FRS" and files[uids[2]][0] == "RS"
    assert not {uids[1], uids[3], uids[5]} & set(files)
    assert len(files) == len(sent) - 3 + 1
    assert len(far(account, "Made there")) == 2 and len(far(account, "Made here")) == 1
    with account.imap() as imap:
        text, untagged = imap.command('LIST "" *')
        assert {b"Made here", b"Made there"} <= {(r[4] if isinstance(r[4], bytes) else r[4].encode()) for r in untagged if r[1] == "LIST"}
