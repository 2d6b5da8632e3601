"""Nothing that a peer does or leaves undone costs more than is bounded. RFC 5321 §4.5.3; CVE-2024-34055, CVE-2025-61600 and their kin."""
import fcntl
import os
import resource
import socket
import struct
import termios
import time

import pytest
from conftest import Account, eventually
from wire import IMAP, SMTP, Closed, Refused

pytestmark = pytest.mark.own
MB = 1 << 20


def serves(server):
    """A newcomer is answered."""
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.command("NOOP")[0] == 250
    with IMAP(server.host, server.port("imap")) as imap:
        imap.command("NOOP")


class Growth:
    """Fails when the server had allocated more than `most` octets above what it had at the beginning, at any time since."""

    def __init__(self, server, most):
        self.server, self.start, self.most = server, server.counts.watch(), most

    def look(self):
        grown = self.server.counts.peak - self.start
        assert grown <= self.most, "memory grew by %d MB" % (grown // MB)


def flood(line, piece, total, growth):
    """Sends until that much is sent or the peer closes; how much was sent."""
    line.socket.settimeout(60)
    sent = 0
    try:
        while sent < total:
            line.send(piece)
            sent += len(piece)
    except (OSError, Closed):
        pass
    growth.look()
    return sent


def test_a_command_line_that_never_ends(server):
    growth = Growth(server, 30 * MB)
    with SMTP(server.host, server.port("smtp")) as smtp:
        flood(smtp, b"A" * 65536, 16 * MB, growth)
    with SMTP(server.host, server.port("smtp")) as smtp:
        code, _ = smtp.command("NOOP " + "x" * 2100)
        assert code == 500
        assert smtp.command("NOOP " + "x" * 2000)[0] == 250
    serves(server)


def test_an_imap_line_that_never_ends(server):
    growth = Growth(server, 30 * MB)
    with IMAP(server.host, server.port("imap")) as imap:
        flood(imap, b"A" * 65536, 16 * MB, growth)
    serves(server)


@pytest.mark.parametrize("command", [b"a LOGIN {1000000000}\r\n", b"a LOGIN {1000000000+}\r\n", b"a LOGIN {99999999999999999999999}\r\n",
                                     b"a ID (" + b"(" * 5000 + b"\r\n"],
                         ids=["LOGIN", "LOGIN+", "too large a number", "parentheses"])
def test_imap_literals_before_login_are_bounded(server, command):
    growth = Growth(server, 30 * MB)
    with IMAP(server.host, server.port("imap")) as imap:
        imap.send(command)
        first = imap.response()
        assert first[1] in ("NO", "BAD", "BYE"), first
        flood(imap, b"B" * 65536, 4 * MB, growth)
    serves(server)


def test_many_literals_before_login_are_bounded(server):
    growth = Growth(server, 30 * MB)
    with IMAP(server.host, server.port("imap")) as imap:
        flood(imap, b"a LOGIN" + b" {60000+}\r\n" + b"C" * 60000, 16 * MB, growth)
    serves(server)


def test_a_body_line_without_end_is_cut_at_the_message_limit(server, account):
    growth = Growth(server, 80 * MB)
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.envelope("a@remote.example", [account.address]) is None
        assert smtp.command("DATA")[0] == 354
        for _ in range(54):
            smtp.send(b"D" * MB)
        smtp.send(b"\r\n.\r\n")
        code, text = smtp.reply()
        assert code == 552 and text.startswith("5.3.4"), (code, text)
        assert smtp.command("NOOP")[0] == 250
    growth.look()
    assert account.bodies() == {}


def test_size_is_checked_at_mail(server, mx):
    assert mx.command("MAIL FROM:<a@remote.example> SIZE=52428801")[0] == 552
    assert mx.command("MAIL FROM:<a@remote.example> SIZE=52428800")[0] == 250


def test_bdat_of_an_announced_excess_is_refused(server, account, mx):
    assert mx.envelope("a@remote.example", [account.address]) is None
    growth = Growth(server, 30 * MB)
    mx.send(b"BDAT 60000000 LAST\r\n")
    flood(mx, b"E" * MB, 60_000_000 - 60_000_000 % MB, growth)
    mx.send(b"E" * (60_000_000 % MB))
    code, text = mx.reply()
    assert code == 552, (code, text)
    assert account.bodies() == {}


def test_recipients_are_limited(server, account, mx):
    mx.command("MAIL FROM:<a@remote.example>")
    mx.send(b"RCPT TO:<%s>\r\n" % account.address.encode() * 1002)
    codes = [mx.reply()[0] for _ in range(1002)]
    assert codes[:1000] == [250] * 1000 and codes[1000:] == [452, 452], codes[998:]


def test_errors_are_limited(server):
    with SMTP(server.host, server.port("smtp")) as smtp:
        codes = []
        try:
            for _ in range(200):
                codes.append(smtp.command("BOGUS")[0])
        except (Closed, OSError):
            pass
        assert len(codes) < 100 and codes[-1] == 421, codes


def test_slow_senders_hold_nobody_up(server, account):
    growth = Growth(server, 20 * MB)
    slow = []
    for _ in range(60):
        smtp = SMTP(server.host, server.port("smtp"))
        assert smtp.envelope("a@remote.example", [account.address]) is None
        assert smtp.command("DATA")[0] == 354
        slow.append(smtp)
    body = b"Subject: slow\r\n\r\nslowly\r\n.\r\n"
    for i in range(len(body)):
        for smtp in slow:
            smtp.send(body[i : i + 1])
        if i % 10 == 0:
            serves(server)
    assert [s.reply()[0] for s in slow] == [250] * len(slow)
    growth.look()
    for smtp in slow:
        smtp.close()
    assert len(account.bodies()) == 60


def test_a_reader_who_does_not_read_costs_little(server, account):
    with account.imap() as imap:
        imap.command("APPEND INBOX ", b"Subject: big\r\n\r\n" + b"F" * 76 * 13000)
        imap.select("INBOX")
        growth = Growth(server, 60 * MB)
        deaf = account.imap()
        deaf.command("SELECT INBOX")
        deaf.socket.settimeout(5)
        try:
            for _ in range(300):
                deaf.send(b"x FETCH 1 BODY.PEEK[]\r\n")
        except OSError:
            pass
        # Until the server has nothing more to say that the system takes: what waits here to be read is the same for as long as 50 commands of another take.
        waiting, same = 0, 0
        for _ in range(100_000):
            imap.command("NOOP")
            now = unread(deaf.socket)
            waiting, same = now, same + 1 if now == waiting and now else 0
            if same == 50:
                break
        assert same == 50, "it never stopped"
        growth.look()
        serves(server)
        deaf.close()


def unread(connection):
    """Octets that have come and were not read."""
    return struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.FIONREAD, bytes(4)))[0]


def many(count, server, host_of, ports):
    """That many connections, some silent, some in the middle of a line, a literal or a handshake."""
    opened = []
    starts = {"smtp": [b"", b"EHL", b"EHLO client.example\r\nMAIL FROM:<a@"], "submissions": [b"", b"\x16\x03\x01\x02\x00\x01"],
              "imap": [b"", b"a LOGI", b"a LOGIN {100+}\r\nabc"], "imaps": [b"", b"\x16\x03\x01\x02\x00\x01\x00"]}
    for i in range(count):
        name = ports[i % len(ports)]
        s = socket.socket()
        s.bind((host_of(i), 0))
        s.connect((server.host, server.port(name)))
        start = starts[name][i // len(ports) % len(starts[name])]
        if start:
            s.send(start)
        opened.append(s)
    return opened


def test_half_open_connections_cost_little(own_server):
    count = int(os.environ.get("MARTLET_TEST_CONNECTIONS", "2000"))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 200:
        pytest.skip("only %d files may be open here" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = own_server()
    before, descriptors, accepted = server.counts.watch(), server.descriptors(), server.counts.accepted
    opened = many(count, server, lambda i: "127.0.0.%d" % (2 + i % 200), ["smtp", "imap", "submissions", "imaps"])
    # Some may have waited too long by then; what all cost together is the peak.
    eventually(lambda: server.counts.accepted >= accepted + count)
    serves(server)
    grown = server.counts.peak - before
    print("%d half-open connections: %.1f MB, %.1f KB each" % (count, grown / MB, grown / 1024 / count))
    assert grown <= 200 * MB * count / 10000 + 15 * MB, "%d MB for %d connections" % (grown // MB, count)
    serves(server)
    for s in opened:
        s.close()
    eventually(lambda: server.descriptors() <= descriptors + 20)
    serves(server)


@pytest.mark.parametrize("port", ["smtp", "imap"])
def test_connections_of_one_address_are_limited(own_server, port):
    server = own_server(settings={"limits.exempt": [], "limits.connections-per-address": 5, "limits.rate-per-address": 1000})
    kind = SMTP if port == "smtp" else IMAP

    def connect(source):
        return kind(server.host, server.port(port), source=source, timeout=10)

    held = [connect("127.0.0.2") for _ in range(5)]
    with pytest.raises((Closed, OSError)) as refused:
        connect("127.0.0.2")
    if port == "smtp" and isinstance(refused.value, Closed):
        assert "421" in str(refused.value)
    connect("127.0.0.3").close()
    held.pop().close()

    def has_room():
        try:
            connect("127.0.0.2").close()
            return True
        except (Closed, OSError):
            return False

    eventually(has_room)


def test_new_connections_of_one_address_are_limited(own_server):
    server = own_server(settings={"limits.exempt": [], "limits.rate-per-address": 20})
    # A minute may pass meanwhile; DoorkeeperTests has the number by a clock of its own.
    served = 0
    with pytest.raises((Closed, OSError)):
        while served < 2000:
            SMTP(server.host, server.port("smtp"), source="127.0.0.2").close()
            served += 1
    assert served >= 20
    SMTP(server.host, server.port("smtp"), source="127.0.0.3", timeout=10).close()


def test_without_exemption_nothing_changes_for_the_exempt(own_server):
    server = own_server(settings={"limits.connections-per-address": 2})
    held = [SMTP(server.host, server.port("smtp"), source="127.0.0.2") for _ in range(10)]
    assert all(h.command("NOOP")[0] == 250 for h in held)


def test_no_file_descriptors_left(own_server):
    server = own_server(files=96)
    account = Account(server, "alice")
    opened, began = [], time.monotonic()
    for i in range(150):
        s = socket.socket()
        s.settimeout(2)
        s.connect((server.host, server.port(["smtp", "imap", "imaps"][i % 3])))
        opened.append(s)
    # A listener tries at the beginning and after each pause of a quarter of a second, however long all this takes.
    eventually(lambda: server.counts.accepts_failed >= 6)
    tries, most = server.counts.accepts_failed, 3 * (1 + (time.monotonic() - began) / 0.25)
    assert server.alive()
    assert tries <= most, "it spins: %d tries" % tries
    for s in opened:
        s.close()

    def serves_again():
        try:
            serves(server)
            return True
        except (OSError, Closed):
            return False

    eventually(serves_again)
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [account.address], b"Subject: after\r\n\r\nafter\r\n")[0] == 250
    assert len(account.bodies()) == 1


def test_a_flood_of_logins_costs_bounded_memory(server, account):
    """One hash takes 64 MB, beside what is allocated: they wait their turn."""
    growth = Growth(server, 30 * MB)
    held = [IMAP(server.host, server.port("imaps"), tls=True) for _ in range(16)]
    for imap in held:
        imap.start('LOGIN "%s" "wrong %d"' % (account.user, id(imap)))
    answers = []
    for imap in held:
        imap.socket.settimeout(300)
        try:
            answers.append(imap.response()[1])
        except (Closed, OSError):
            answers.append("closed")
    growth.look()
    assert server.counts.most_hashing == 1
    assert not {a for a in answers} - {"NO", "BYE", "closed"}, answers
    for imap in held:
        imap.close()
    account.imap().close()
