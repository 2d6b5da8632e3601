"""alpine, by its screen: fetch everything, flags both ways, new mail, deletion. RFC 9051. What a program shows, and when, is its own affair, so this
is no part of `make test`."""
import os
import pty
import re
import select
import signal
import time

from conftest import need
from test_clients_sync import agree, chosen, letter, seen_as  # noqa: F401
from test_mail_set import send_all
from wire import SMTP


def on_screen(arguments, env, steps=(), timeout=180):
    """Runs a program on a terminal of its own until it ends; what it showed. Each step: a word that it shows (or several, any of which it may show), and
    the keys to press once it has shown all that it has to show: what is typed before a prompt is whole may be thrown away. After 20 seconds of silence
    they are pressed all the same: a program on a slow machine redraws other pieces of a line than on a fast one."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(arguments[0], arguments, env)
    shown, seen, steps = bytearray(), 0, list(steps)
    deadline = time.monotonic() + timeout
    last = time.monotonic()
    try:
        while time.monotonic() < deadline:
            words = steps[0][0] if steps else ()
            waits = any(word in shown[seen:] for word in (words if isinstance(words, tuple) else (words,)))
            if select.select([terminal], [], [], 0.3 if waits else 1)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:
                    break
                if not data:
                    break
                shown += data
                last = time.monotonic()
            elif waits or (steps and time.monotonic() - last > 20):
                seen, last = len(shown), time.monotonic()
                os.write(terminal, steps.pop(0)[1])
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError("%s did not end; to come: %r; it showed %r" % (arguments[0], steps, bytes(shown[-2000:])))
    finally:
        os.close(terminal)
    os.waitpid(pid, 0)
    assert not steps, "%s never showed %r but %r" % (arguments[0], steps[0][0], bytes(shown[-2000:]))
    return bytes(shown)


class Alpine:
    def __init__(self, server, account, folder):
        self.account, self.home = account, folder
        self.saved = folder / "mail" / "saved"
        self.saved.parent.mkdir()
        far = "{localhost:%d/ssl/novalidate-cert/user=%s}" % (server.port("imaps"), account.user)
        (folder / ".pinerc").write_text("""
inbox-path=%sINBOX
folder-collections="Local" %s/mail/[],
	"Remote" %s[]
feature-list=enable-aggregate-command-set,enable-flag-cmd,save-will-not-delete,quit-without-confirm,expunge-without-confirm
last-version-used=6.26
user-domain=example.test
""" % (far, folder, far))
        self.env = dict(os.environ, TERM="vt100", HOME=str(folder), LINES="40", COLUMNS="100")

    def __call__(self, *steps, options=()):
        login = [(b"ENTER PASSWORD", self.account.password.encode() + b"\r"), (b"Preserve password", b"n")]
        return on_screen(["alpine", "-p", str(self.home / ".pinerc"), "-i", *options], self.env, login + list(steps))


FROM_LINE = re.compile(rb"(?m)^From [^\n]* \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}[^\n]*\n")


def alone(data):
    """As `seen_as`, without what tells messages apart in one file."""
    return data.replace(b"\r\n>From ", b"\r\nFrom ").rstrip(b"\r\n")


@need("alpine")
def test_alpine_saves_all_sets_flags_deletes_and_sees_new_mail(server, account, chosen, tmp_path):
    send_all(server, account.address, chosen)
    alpine = Alpine(server, account, tmp_path)
    done = (b"saved]", b"DONE]")  # the latter where it took more than a moment
    alpine((b"MESSAGE INDEX", b";"), (b"SELECT criteria", b"a"), (b"selected]", b"a"), (b"APPLY command", b"s"), (b"to folder", b"saved\r"),
           (b"Create?", b"y"), (done, b";"), (b"ALTER", b"a"), (b"selected", b"2"), (b"essage", b"\r"), (b"", b"d"), (b"", b"4"), (b"essage", b"\r"),
           (b"", b"*"), (b"Flag", b"*"), (b"Important", b"x"), (b"xpung", b"q"))
    copies = {alone(seen_as(c)) for c in FROM_LINE.split(alpine.saved.read_bytes())[2:]}  # before them: nothing, and alpine's own
    with account.imap() as imap:
        imap.select("INBOX")
        found = imap.fetch("1:*", "(UID FLAGS BODY.PEEK[])")
    assert sorted(set(range(1, len(chosen) + 1)) - set(found)) == [2]
    assert [uid for uid, m in found.items() if "\\Flagged" in m["FLAGS"]] == [4]
    stored = {alone(seen_as(m["BODY[]"])) for m in found.values()}
    assert len(copies) in (len(stored), len(stored) + 1)  # it saved the one that is deleted too
    for body in stored - copies:
        agree({body}, {max(copies, key=lambda r: len(os.path.commonprefix([r, body])))})

    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [account.address], letter(777))[0] == 250
    assert b"Letter 777" in alpine((b"MESSAGE INDEX", b"q"), options=["-sort", "arrival/reverse"])
