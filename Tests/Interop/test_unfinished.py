"""Messages whose end never comes stop nobody. What they hold is counted in BudgetTests, and measured by Tests/Judges/test_unfinished_memory.py."""
import resource
import socket
import struct

import pytest
from conftest import Account, eventually
from wire import IMAP, POP3, SMTP

pytestmark = pytest.mark.own
TEXT = b"Subject: unfinished\r\n\r\n" + b"All work and no play makes the queue a dull queue, day after day.\r\n" * 4000


def begin(server, address, number):
    """A connection that has sent so much of a message and stopped."""
    line = socket.create_connection((server.host, server.port("smtp")), 60, source_address=("127.0.1.%d" % (1 + number // 100), 0))
    answers = line.makefile("rb")
    assert answers.readline().startswith(b"220 ")
    line.sendall(b"HELO client.example\r\nMAIL FROM:<slow@remote.example>\r\nRCPT TO:<%s>\r\n" % address.encode())
    for _ in range(3):
        assert answers.readline().startswith(b"250 ")
    line.sendall(b"DATA\r\n")
    assert answers.readline().startswith(b"354 ")
    line.sendall(TEXT[:257_000])
    return line


def test_unfinished_messages_stop_nobody(own_server):
    count = 400
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 200:
        pytest.skip("too few files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = own_server(settings={"limits.exempt": ["127.0.0.0/8"], "limits.connections": 10_000})
    account = Account(server, "alice")
    held = [begin(server, account.address, number) for number in range(count)]
    try:
        # All of it was read: the text of the last came behind the others'.
        eventually(lambda: all(unread(line) == 0 for line in held))
        with SMTP(server.host, server.port("smtp")) as smtp:
            for size in (100, 10_000, 100_000, 1_000_000):
                assert smtp.deliver("a@remote.example", [account.address], b"Subject: x\r\n\r\n" + b"fast and small\r\n" * (size // 16))[0] == 250
    finally:
        for line in held:
            line.close()
    assert len(account.bodies()) == 4


def unread(line):
    """Octets that the server has not acknowledged (SIOCOUTQ)."""
    import fcntl
    import struct
    import termios
    return struct.unpack("i", fcntl.ioctl(line.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]


@pytest.mark.parametrize("way", ["reset", "close", "stop"])
def test_what_the_client_or_a_stop_cuts_off_is_no_error(own_server, way):
    server = own_server()
    account = Account(server, "alice")
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [account.address], b"Subject: x\r\n\r\n" + b"as much as no buffer holds\r\n" * 600_000)[0] == 250
    imap, pop3 = IMAP(server.host, server.port("imaps"), tls=True), POP3(server.host, server.port("pop3s"), tls=True)
    imap.login(account.address, account.password)
    imap.select("INBOX")
    pop3.login(account.address, account.password)
    imap.start("FETCH 1 BODY[]")
    pop3.send(b"RETR 1\r\n")
    for client in (imap, pop3):
        # Some of it has come, the rest waits for us to read.
        assert client.socket.recv(1)
    if way == "stop":
        assert server.stop() == 0
    for client in (imap, pop3):
        if way == "reset":
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    if way != "stop":
        # A session is over when its work is.
        eventually(lambda: server.connections("imaps") == server.connections("pop3s") == 0)
        assert server.stop() == 0
    assert not [line for line in server.log_text().splitlines() if "error" in line.lower() or "failed" in line]
