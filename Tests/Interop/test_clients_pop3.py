"""Stock POP3 clients: poplib, curl, fetchmail, mpop, getmail; and what they cannot say. RFC 1939."""
import mailbox
import os
import poplib
import re
from collections import Counter

import mailset
import pytest
from conftest import Account, need, run
from test_mail_set import compare, messages, send_all  # noqa: F401
from wire import POP3, SMTP, lax_tls

pytestmark = pytest.mark.own
poplib._MAXLINE = 1 << 20  # mail has longer lines than it takes as it is


def letter(number, text="text"):
    return b"From: Ann <a@remote.example>\r\nSubject: Letter %d\r\n\r\n%s\r\n" % (number, text.encode())


def append(account, *letters):
    with account.imap() as imap:
        for data in letters:
            imap.command("APPEND INBOX ", data)


@pytest.fixture
def pop(server, account):
    """poplib, logged in."""
    client = poplib.POP3_SSL(server.host, server.port("pop3s"), context=lax_tls(), timeout=60)

    def enter():
        client.user(account.user)
        client.pass_(account.password)
        return client

    yield enter
    client.close()


# -- Python's poplib ----------------------------------------------------------------------------------------------------


def test_poplib_fetches_all_octet_for_octet(server, account, messages, pop):  # noqa: F811
    sent = send_all(server, account.address, messages)
    client = pop()
    count, octets = client.stat()
    assert count == len(sent)
    received = [b"".join(line + b"\r\n" for line in client.retr(n + 1)[1]) for n in range(count)]
    # A message whose last line does not end gets its end here: POP3 cannot say it otherwise.
    sent = {i: mailset.as_sent_by_data(data) for i, data in sent.items()}
    compare(sent, [mailset.without_trace(body) for body in received], [m.name for m in messages])
    sizes = [int(line.split()[1]) for line in client.list()[1]]
    assert sum(sizes) == octets and len(sizes) == count
    for size, body in zip(sizes, received):
        assert size in (len(body), len(body) - 2)
    assert len({line.split()[1] for line in client.uidl()[1]}) == count
    for n in range(1, count + 1, max(1, count // 20)):
        header, _, rest = received[n - 1].partition(b"\r\n\r\n")
        top = b"".join(line + b"\r\n" for line in client.top(n, 3)[1])
        if not rest and not received[n - 1].endswith(b"\r\n\r\n"):
            continue  # it has no body
        assert top == header + b"\r\n\r\n" + b"".join(rest.splitlines(keepends=True)[:3]) or b"\r" in rest.replace(b"\r\n", b"")
    client.quit()


def test_poplib_deletes_and_keeps(account, pop):
    append(account, *(letter(n) for n in range(4)))
    client = pop()
    ids = [line.split()[1] for line in client.uidl()[1]]
    client.dele(2)
    client.dele(4)
    client.rset()
    client.dele(1)
    client.dele(3)
    client.quit()
    assert sorted(account.bodies().values()) == [letter(1), letter(3)]
    with account.pop3() as raw:
        assert [line.split()[1] for line in raw.multiline("UIDL").splitlines()] == [ids[1], ids[3]]


def test_poplib_stls_and_utf8_and_capa(server, account):
    client = poplib.POP3(server.host, server.port("pop3"), timeout=60)
    assert "STLS" in client.capa() and "USER" not in client.capa()
    with pytest.raises(poplib.error_proto):
        client.user(account.user)
    client.stls(context=lax_tls())
    offered = client.capa()
    assert {"TOP", "USER", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE", "LANG"} <= set(offered)
    assert offered["SASL"] == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"] and offered["UTF8"] == ["USER"] and offered["EXPIRE"] == ["NEVER"]
    client.utf8()
    client.user(account.user)
    client.pass_(account.password)
    assert client.stat() == (0, 0)
    client.quit()


# -- curl -----------------------------------------------------------------------------------------------------------------


@need("curl")
def test_curl_lists_reads_and_deletes(server, account):
    append(account, letter(1), letter(2, "..dots\r\n.\r\nend"))
    url = "pop3s://%s:%d/" % (server.host, server.port("pop3s"))
    login = ["-sS", "-k", "--user", "%s:%s" % (account.user, account.password)]
    status, said = run("curl", *login, url)
    assert status == 0 and re.fullmatch(rb"1 \d+\r\n2 \d+\r\n", said), said
    status, said = run("curl", *login, url + "2")
    assert status == 0 and said == letter(2, "..dots\r\n.\r\nend"), said
    status, said = run("curl", *login, "--login-options", "AUTH=PLAIN", "--sasl-ir", url + "1")
    assert status == 0 and said == letter(1), said
    status, said = run("curl", *login, "-I", "-X", "DELE 1", url, timeout=20)
    assert status == 0, said
    assert list(account.bodies().values()) == [letter(2, "..dots\r\n.\r\nend")]
    status, said = run("curl", *login[:-1], account.user + ":wrong", url)
    assert status == 67, said  # CURLE_LOGIN_DENIED
    plain = "pop3://%s:%d/1" % (server.host, server.port("pop3"))
    status, said = run("curl", *login, "--ssl-reqd", plain)
    assert status == 0 and said == letter(2, "..dots\r\n.\r\nend"), said


# -- mpop, getmail, fetchmail: each fetches everything into a Maildir, then what is new, then deletes ---------------------------


def in_maildir(folder):
    """The octets of its messages, line ends as they are in mail."""
    found = []
    for kind in ("new", "cur"):
        for name in os.listdir(os.path.join(folder, kind)):
            with open(os.path.join(folder, kind, name), "rb") as f:
                found.append(re.sub(rb"\r?\n", b"\r\n", f.read()))
    return found


def new_maildir(path):
    mailbox.Maildir(str(path), create=True)
    return path


class Mpop:
    program = "mpop"

    def __init__(self, server, account, folder):
        self.maildir = new_maildir(folder / "maildir")
        self.rc = folder / "mpoprc"
        self.rc.write_text("""
account a
host %s
port %d
tls on
tls_starttls off
tls_certcheck off
auth user
user %s
password %s
received_header off
uidls_file %s
delivery maildir %s
""" % (server.host, server.port("pop3s"), account.user, account.password, folder / "uidls", self.maildir))
        self.rc.chmod(0o600)

    def fetch(self, keep):
        status, said = run("mpop", "-C", str(self.rc), "--keep=" + ("on" if keep else "off"), "--half-quiet", "a", timeout=300)
        assert status == 0, said
        return in_maildir(self.maildir)


def delivery(folder, maildir):
    """A program that takes a message: what runs as root delivers by no other way. It ends once its parent waits, for getmail misses the end of a child that
    is faster, and waits for it until it gives up (ForkingBase._wait_for_child)."""
    file = folder / "deliver"
    file.write_text("""#!/bin/sh
cat > %s/new/$(date +%%s%%N).$$.here
until [ "$(cut -d ' ' -f 3 "/proc/$PPID/stat")" = S ]; do :; done
""" % maildir)
    file.chmod(0o755)
    return file


class Getmail:
    program = "getmail"

    def __init__(self, server, account, folder):
        self.folder = folder
        self.maildir = new_maildir(folder / "maildir")
        self.text = """
[retriever]
type = SimplePOP3SSLRetriever
server = %s
port = %d
username = %s
password = %s

[destination]
type = MDA_external
path = %s
allow_root_commands = true

[options]
read_all = false
delete = %%s
received = false
delivered_to = false
verbose = 0
""" % (server.host, server.port("pop3s"), account.user, account.password, delivery(folder, self.maildir))

    def fetch(self, keep):
        rc = self.folder / "getmailrc"
        rc.write_text(self.text % ("false" if keep else "true"))
        rc.chmod(0o600)
        status, said = run("getmail", "--getmaildir", str(self.folder), "--rcfile", str(rc), timeout=300)
        assert status == 0, said
        return in_maildir(self.maildir)


class Fetchmail:
    program = "fetchmail"

    def __init__(self, server, account, folder):
        self.folder = folder
        self.maildir = new_maildir(folder / "maildir")
        self.rc = folder / "fetchmailrc"
        self.rc.write_text("""
set invisible
set no bouncemail
set idfile "%s"
poll %s service %d protocol POP3 uidl no dns
  user "%s" password "%s" ssl sslproto "auto" no sslcertck
  norewrite nostripcr no mimedecode nodropstatus nodropdelivered pass8bits batchlimit 100000
  mda "%s"
""" % (folder / "ids", server.host, server.port("pop3s"), account.user, account.password, delivery(folder, self.maildir)))
        self.rc.chmod(0o600)

    def fetch(self, keep):
        env = dict(os.environ, FETCHMAILHOME=str(self.folder), HOME=str(self.folder))
        status, said = run("fetchmail", "-f", str(self.rc), "--keep" if keep else "--nokeep", "--pidfile", str(self.folder / "pid"),
                           timeout=300, env=env)
        assert status in (0, 1), said  # 1: nothing new
        return in_maildir(self.maildir)


def whole(data):
    """As it came, but for its last line's end, which a Maildir of LF lines cannot tell."""
    return mailset.without_trace(ended(data))


def without_return_path(data):
    """fetchmail and getmail keep one Return-Path, be there one or two."""
    header, separator, body = ended(data).partition(b"\r\n\r\n")
    return RETURN_PATH.sub(b"", header + b"\r\n")[:-2] + separator + body


def body_alone(data):
    """getmail folds the lines of headers anew."""
    return ended(data).partition(b"\r\n\r\n")[2]


RETURN_PATH = re.compile(rb"(?im)^Return-Path:[^\n]*\n(?:[ \t][^\n]*\n)*")
# Who is asked for what: only mpop leaves every awkward message as it came.
CLIENTS = [
    pytest.param(client, choose, seen_as, marks=need(client.program), id="%s-%s" % (client.program, name))
    for client, name, choose, seen_as in (
        (Mpop, "generated", mailset.generated, whole), (Mpop, "real", mailset.real, whole),
        (Fetchmail, "real", mailset.real, without_return_path), (Fetchmail, "plain", lambda: plain(60), without_return_path),
        (Getmail, "real", mailset.real, body_alone), (Getmail, "plain", lambda: plain(60), body_alone))]


def plain(count):
    return [mailset.generate.Awkward(n, "plain", letter(n, "." * n + "\r\n.\r\nend"), needs=set()) for n in range(count)]


@pytest.mark.parametrize("client, choose, seen_as", CLIENTS)
def test_clients_fetch_everything_then_what_is_new_then_delete(client, choose, seen_as, server, account, tmp_path):
    chosen = choose()
    if not chosen:
        pytest.skip("no mail in %s; MARTLET_TEST_MAIL names another folder" % mailset.LKML)
    send_all(server, account.address, chosen)
    stored = Counter(seen_as(body) for body in account.bodies().values())
    reader = client(server, account, tmp_path)
    received = Counter(seen_as(body) for body in reader.fetch(keep=True))
    for body in stored - received:
        near = max(received, key=lambda r: len(os.path.commonprefix([r, body])))
        pytest.fail(mailset.difference(body, near))
    assert received == stored

    # What was fetched before is known by its unique-id, and kept.
    assert len(reader.fetch(keep=True)) == len(chosen) == len(account.bodies())
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [account.address], letter(777))[0] == 250
    received = reader.fetch(keep=True)
    assert len(received) == len(chosen) + 1 and sum(b"Letter 777" in body for body in received) == 1

    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [account.address], letter(778))[0] == 250
    assert len(reader.fetch(keep=False)) == len(chosen) + 2
    assert not any(b"Letter 778" in body for body in account.bodies().values())


def ended(body):
    return body if body.endswith(b"\r\n") else body + b"\r\n"


# -- what stock clients do not do -----------------------------------------------------------------------------------------


def test_one_session_at_a_time_and_a_dead_one_frees_it(server, account, other):
    append(account, letter(1))
    first = account.pop3()
    assert first.command("DELE 1").startswith(b"+OK")
    with POP3(server.host, server.port("pop3s"), tls=True) as second:
        assert second.login(account.user, account.password).startswith(b"-ERR [IN-USE]")
        with other.pop3() as third:  # another account
            assert third.command("STAT") == b"+OK 0 0"
        with account.imap() as imap:  # IMAP is not shut out
            assert imap.select("INBOX")["EXISTS"] == 1
        first.close()
        # The server sees the end of the connection in its own time.
        for _ in range(500):
            reply = second.login(account.user, account.password)
            if reply.startswith(b"+OK"):
                break
            second.close()
            second = POP3(server.host, server.port("pop3s"), tls=True)
        assert reply.startswith(b"+OK 1 "), reply
        assert second.command("STAT").startswith(b"+OK 1 ")
        assert second.command("QUIT").startswith(b"+OK")
    with account.pop3() as again:  # at once after QUIT's answer
        assert again.command("STAT").startswith(b"+OK 1 ")


def test_what_imap_expunges_meanwhile(account):
    append(account, *(letter(n) for n in range(1, 5)))
    with account.pop3() as pop3:
        with account.imap() as imap:
            imap.select("INBOX")
            imap.command(r"UID STORE 2 +FLAGS (\Deleted)")
            imap.command("UID EXPUNGE 2")
            imap.command(r"UID STORE 3 +FLAGS (\Deleted)")  # marked, and not expunged
        assert pop3.command("RETR 2").startswith(b"-ERR")
        assert pop3.multiline("RETR 3") == letter(3)
        assert pop3.command("DELE 2").startswith(b"+OK") and pop3.command("DELE 4").startswith(b"+OK")
        assert pop3.command("QUIT").startswith(b"+OK")
    assert sorted(account.bodies()) == [1, 3]


def test_injection_behind_stls_is_dropped(server, account):
    with POP3(server.host, server.port("pop3")) as pop3:
        pop3.send(b"STLS\r\nUSER mallory\r\nCAPA\r\n")
        assert pop3.reply().startswith(b"+OK")
        pop3.secure()
        assert pop3.command("PASS x") == b"-ERR Say USER first"
        assert pop3.login(account.user, account.password).startswith(b"+OK")


def test_pipelined_session(account):
    letters = [letter(n, "." * (n % 5) + "x\r\n.\r\n" * (n % 3)) for n in range(300)]
    append(account, *letters)
    with account.pop3() as pop3:
        pop3.send(b"".join(b"RETR %d\r\n" % (n + 1) for n in range(300)) + b"LIST\r\nDELE 1\r\nQUIT\r\nNOOP\r\n")
        for data in letters:
            assert pop3.reply() == b"+OK %d octets" % len(data)
            assert pop3.lines() == data
        assert pop3.reply().startswith(b"+OK 300 ")
        assert pop3.lines() == b"".join(b"%d %d\r\n" % (n + 1, len(data)) for n, data in enumerate(letters))
        assert pop3.reply().startswith(b"+OK") and pop3.reply().startswith(b"+OK")
        assert pop3.is_closed()
    assert len(account.bodies()) == 299


def test_a_big_message_needs_no_memory_of_its_size(server, account):
    big = b"Subject: big\r\n\r\n" + b"".join(b".%07d abcdefghijklmnopqrstuvwxyz 0123456789\r\n" % n for n in range(450_000))
    append(account, big)
    with account.pop3() as pop3:
        before = server.counts.watch()
        pop3.send(b"RETR 1\r\n")
        assert pop3.reply() == b"+OK %d octets" % len(big)
        out = bytearray()
        while not out.endswith(b"\r\n.\r\n"):
            if not pop3.buffer:
                pop3._more()
            out += pop3.buffer
            pop3.buffer.clear()
        assert bytes(out[:-3]).replace(b"\r\n..", b"\r\n.") == big
        more = server.counts.peak - before
        assert more < 10 << 20, "%d KiB more" % (more >> 10)
        assert pop3.multiline("TOP 1 2") == big[: big.index(b"\r\n.%07d" % 2) + 2]


def test_a_disabled_account_is_logged_out(server, account):
    with account.pop3() as pop3:
        server.disable(account.name)
        assert pop3.reply().startswith(b"-ERR [AUTH]")
        assert pop3.is_closed()
    with POP3(server.host, server.port("pop3s"), tls=True) as pop3:
        assert pop3.login(account.user, account.password).startswith(b"-ERR [AUTH]")
    server.enable(account.name)


def test_log_lines_say_pop3(own_server):
    # Its own, for of one address only so many lines a minute are written.
    server = own_server()
    account = Account(server, "alice")
    with POP3(server.host, server.port("pop3s"), tls=True) as pop3:
        assert pop3.login(account.user, "wrong").startswith(b"-ERR [AUTH]")
        assert pop3.login(account.user, account.password).startswith(b"+OK")
    log = server.log_with("Successful POP3 login for user: " + re.escape(account.user))
    assert "Failed POP3 login attempt for user: " + account.user in log
    assert "Successful POP3 login for user: " + account.user in log


def test_who_is_not_let_in_is_told_so(own_server):
    server = own_server(settings={"limits.exempt": [], "limits.connections-per-address": 2, "limits.rate-per-address": 1000})
    held = [POP3(server.host, server.port("pop3"), source="127.0.0.2") for _ in range(2)]
    with POP3(server.host, server.port("pop3"), source="127.0.0.2") as refused:
        assert refused.greeting.startswith(b"-ERR [SYS/TEMP]")
        assert refused.is_closed()
    for pop3 in held:
        pop3.close()
