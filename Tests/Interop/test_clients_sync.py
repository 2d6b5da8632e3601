"""Clients that keep a copy: offlineimap, neomutt. Fetch everything, flags both ways, new mail, deletion. RFC 9051."""
import hashlib
import mailbox
import os
import pty
import re
import select
import signal
import ssl
import time

import mailset
import pytest
from conftest import need, run
from test_mail_set import send_all
from wire import SMTP

pytestmark = pytest.mark.own
# What a client writes into the header of a message that it keeps.
OWN_FIELDS = re.compile(rb"(?im)^(?:Status|X-Status|X-Keywords|X-UID|X-IMAP|Content-Length|Lines):[^\n]*\n(?:[ \t][^\n]*\n)*")


def letter(number):
    return b"From: Ann <a@remote.example>\r\nSubject: Letter %d\r\nMessage-ID: <%d@remote.example>\r\n\r\ntext %d\r\n" % (number, number, number)


def seen_as(data):
    """With CRLF, and without what clients put into the header of their copies."""
    header, separator, body = re.sub(rb"\r?\n", b"\r\n", data).partition(b"\r\n\r\n")
    return OWN_FIELDS.sub(b"", header + b"\r\n") + separator + body


def in_maildir(folder):
    """[(flags, octets as `seen_as`, file)]"""
    found = []
    for kind in ("new", "cur"):
        if not os.path.isdir(os.path.join(folder, kind)):
            continue
        for name in sorted(os.listdir(os.path.join(folder, kind))):
            file = os.path.join(folder, kind, name)
            with open(file, "rb") as f:
                flags = name.partition(":2,")[2]
                found.append(("".join(sorted(c for c in flags if c.isupper())), seen_as(f.read()), file))
    return found


def flags_of(account, box="INBOX"):
    """{octets as `seen_as`: system flags} in the server."""
    with account.imap() as imap:
        if not imap.select(box).get("EXISTS"):
            return {}
        found = imap.fetch("1:*", "(UID FLAGS BODY.PEEK[])").values()
        return {seen_as(m["BODY[]"]): {f for f in m["FLAGS"] if f.startswith("\\") and f != "\\Recent"} for m in found}


def pem(server, folder):
    file = folder / "server.pem"
    file.write_text(ssl.get_server_certificate((server.host, server.port("imaps"))))
    return file


def fingerprint(server):
    return hashlib.sha1(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((server.host, server.port("imaps"))))).hexdigest()


@pytest.fixture
def chosen():
    """Real mail where there is some. What is awkward these clients take apart and write otherwise; mbsync and mpop do not."""
    return mailset.real() or [mailset.generate.Awkward(n, "plain", letter(1000 + n), needs=set()) for n in range(60)]


def agree(stored, received):
    for body in stored - received:
        near = max(received, key=lambda r: len(os.path.commonprefix([r, body])))
        pytest.fail(mailset.difference(body, near))
    assert received == stored


# -- offlineimap --------------------------------------------------------------------------------------------------------


class OfflineIMAP:
    def __init__(self, server, account, folder):
        self.maildir = folder / "mail"
        self.rc = folder / "offlineimaprc"
        self.rc.write_text("""
[general]
accounts = a
metadata = %s
ui = quiet
fsync = False

[Account a]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = %s

[Repository far]
type = IMAP
remotehost = %s
remoteport = %d
remoteuser = %s
remotepass = %s
ssl = yes
cert_fingerprint = %s
ssl_version = tls1_2
tls_level = tls_compat
createfolders = True
""" % (folder / "metadata", self.maildir, server.host, server.port("imaps"), account.user, account.password.replace("%", "%%"), fingerprint(server)))

    def __call__(self):
        status, said = run("offlineimap", "-c", str(self.rc), "-o", timeout=300)
        assert status == 0, said.decode("utf-8", "replace")[-3000:]
        return said

    def messages(self, box="INBOX"):
        return in_maildir(self.maildir / box)


@need("offlineimap")
def test_offlineimap_both_ways(server, account, chosen, tmp_path):
    send_all(server, account.address, chosen)
    sync = OfflineIMAP(server, account, tmp_path)
    sync()
    stored = flags_of(account)
    agree(set(stored), {body for _, body, _ in sync.messages()})
    assert len(sync.messages()) == len(chosen)

    # Flags, new mail and deletions on both sides ...
    here = sync.messages()
    read, dropped, marked = here[0], here[1], here[2]
    os.rename(read[2], os.path.join(sync.maildir, "INBOX", "cur", os.path.basename(read[2]).split(":2,")[0] + ":2,FS"))
    os.remove(dropped[2])
    box = sync.maildir / "INBOX"
    (box / "cur" / "99.made.here:2,S").write_bytes(letter(1).replace(b"\r\n", b"\n"))
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [account.address], letter(2))[0] == 250
    with account.imap() as imap:
        imap.select("INBOX")
        bodies = {seen_as(m["BODY[]"]): uid for uid, m in imap.fetch("1:*", "(UID BODY.PEEK[])").items()}
        imap.command(r"UID STORE %d +FLAGS (\Answered \Seen)" % bodies[marked[1]])
        gone = bodies[here[3][1]]
        imap.command(r"UID STORE %d +FLAGS (\Deleted)" % gone)
        imap.command("UID EXPUNGE %d" % gone)
        imap.command("CREATE Made/there")
        imap.command("APPEND Made/there (\\Flagged) ", letter(3))
    sync()
    sync()
    # ... and both are alike afterwards.
    far = flags_of(account)
    near = {body: flags for flags, body, _ in sync.messages()}
    assert set(near) == set(far)
    letters = {"\\Seen": "S", "\\Flagged": "F", "\\Answered": "R", "\\Draft": "D", "\\Deleted": "T"}
    assert near == {body: "".join(sorted(letters[f] for f in flags)) for body, flags in far.items()}
    assert far[read[1]] == {"\\Seen", "\\Flagged"} and near[marked[1]] == "RS"
    assert dropped[1] not in far and here[3][1] not in near
    assert far[seen_as(letter(1))] == {"\\Seen"} and any(b"Letter 2" in body for body in near)
    (there,) = sync.messages("Made.there")
    assert there[0] == "F" and there[1] == seen_as(letter(3))


# -- neomutt ------------------------------------------------------------------------------------------------------------


def on_terminal(arguments, env, timeout=900):
    """Runs a program on a terminal of its own until it ends, whatever it shows there; the time-out only turns a hang into a failure."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(arguments[0], arguments, env)
    shown = bytearray()
    deadline = time.monotonic() + timeout
    try:
        while True:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                pytest.fail("%s did not end; it showed %r" % (arguments[0], bytes(shown[-2000:])))
            if select.select([terminal], [], [], 1)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:
                    break
                if not data:
                    break
                shown += data
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


class Neomutt:
    def __init__(self, server, account, folder):
        self.folder = folder
        self.rc = folder / "neomuttrc"
        self.rc.write_text("""
set folder = "imaps://%s:%d/"
set spoolfile = "imaps://%s:%d/INBOX"
set imap_user = "%s"
set imap_pass = "%s"
set imap_authenticators = "plain"
set certificate_file = "%s"
set ssl_verify_host = no
set mbox_type = Maildir
set quit = yes
set delete = yes
set confirmcreate = no
set confirmappend = no
set move = no
set sleep_time = 0
set mail_check_stats = no
set wait_key = no
set record = ""
set imap_idle = no
""" % (server.host, server.port("imaps"), server.host, server.port("imaps"), account.user, account.password, pem(server, folder)))
        self.env = dict(os.environ, TERM="xterm", HOME=str(folder), LINES="50", COLUMNS="120", LC_ALL="C.UTF-8")

    def __call__(self, keys):
        on_terminal(["neomutt", "-n", "-F", str(self.rc), "-e", "push '%s'" % keys], self.env)


@need("neomutt")
def test_neomutt_copies_all_sets_flags_sees_new_mail_and_deletes(server, account, chosen, tmp_path):
    send_all(server, account.address, chosen)
    neomutt = Neomutt(server, account, tmp_path)
    copies = tmp_path / "copies"
    mailbox.Maildir(str(copies), create=True)
    neomutt("<tag-pattern>~A<enter><tag-prefix><copy-message>%s<enter><exit>" % copies)
    stored = flags_of(account)
    agree(set(stored), {body for _, body, _ in in_maildir(copies)})

    # Flags there and back, a deletion, and mail that comes meanwhile.
    with account.imap() as imap:
        imap.select("INBOX")
        imap.command(r"UID STORE 3 +FLAGS (\Flagged)")
    neomutt("1<enter><flag-message>2<enter><delete-message>4<enter><set-flag>r<sync-mailbox><exit>")
    with account.imap() as imap:
        imap.select("INBOX")
        flags = {uid: set(m["FLAGS"]) for uid, m in imap.fetch("1:*", "(UID FLAGS)").items()}
    assert len(flags) == len(chosen) - 1
    assert sum("\\Flagged" in f for f in flags.values()) == 2 and sum("\\Answered" in f for f in flags.values()) == 1, flags
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [account.address], letter(777))[0] == 250
    fresh = tmp_path / "fresh"
    mailbox.Maildir(str(fresh), create=True)
    neomutt("<tag-pattern>~s Letter.777<enter><tag-prefix><copy-message>%s<enter><exit>" % fresh)
    (copy,) = in_maildir(fresh)
    assert copy[1].endswith(seen_as(letter(777)).partition(b"\r\n\r\n")[2])
    # A message it writes into the mailbox is there as it was.
    neomutt("<tag-pattern>~s Letter.777<enter><tag-prefix><copy-message>=Archive<enter><exit>")
    assert [b for b in account.bodies("Archive").values()] == [b for b in account.bodies().values() if b"Letter 777" in b]
