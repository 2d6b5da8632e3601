"""One address that fails to log in without end, and its neighbours. Counted in answers and log lines, not in time."""
import base64
import re
import socket
import threading

import pytest
from conftest import Account
from wire import IMAP, POP3, SMTP, Closed

pytestmark = pytest.mark.own
CONNECTIONS = 70
PLAIN = {"auth.plaintext-on-loopback": True}


class Attack:
    """Connections of 127.0.0.1 that say wrong LOGINs as fast as they are answered, and come again when they are closed."""

    def __init__(self, server):
        self.server, self.over = server, threading.Event()
        self.lock, self.answers = threading.Lock(), {"AUTHENTICATIONFAILED": 0, "UNAVAILABLE": 0}
        self.most = 0
        self.queue_full = threading.Event()
        # All say their first at once: half of them for one account, so that more come than it has places.
        self.start = threading.Barrier(CONNECTIONS)
        self.lines = []
        self.threads = [threading.Thread(target=self.fail, args=(n,)) for n in range(CONNECTIONS)]
        for thread in self.threads:
            thread.start()

    def fail(self, number):
        guesses, user = 0, number if number % 2 else 0
        while not self.over.is_set():
            try:
                with IMAP(self.server.host, self.server.port("imap"), source="127.0.0.1") as imap:
                    answered = 0
                    self.lines.append(imap)
                    if not guesses:
                        self.start.wait(60)
                    while not self.over.is_set():
                        guesses += 1
                        imap.send(b"a LOGIN guess%d wrong-%d\r\n" % (user, number * 1000 + guesses))
                        text = imap.line().decode()
                        if text.startswith("* BYE"):
                            break
                        answered += 1
                        self.count(text, answered)
            except (Closed, OSError, threading.BrokenBarrierError):
                pass

    def count(self, text, answered):
        with self.lock:
            for code in self.answers:
                self.answers[code] += "[%s]" % code in text
            self.most = max(self.most, answered)
            if self.answers["UNAVAILABLE"]:
                self.queue_full.set()

    def end(self):
        self.over.set()
        # Those that wait for a delayed answer wait no longer.
        for line in list(self.lines):
            try:
                line.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(60)


def plain(user):
    return base64.b64encode(b"\0%s\0wrong" % user.encode()).decode()


def imap_login(server, account):
    with IMAP(server.host, server.port("imap"), source="127.0.0.2") as imap:
        imap.send(b'a LOGIN "%s" "%s"\r\n' % (account.user.encode(), account.password.encode()))
        return imap.response()[1] == "OK"


def pop3_login(server, account):
    with POP3(server.host, server.port("pop3"), source="127.0.0.2") as pop3:
        return pop3.login(account.user, account.password).startswith(b"+OK")


def smtp_login(server, account):
    with SMTP(server.host, server.port("submissions"), tls=True, source="127.0.0.2") as smtp:
        return smtp.auth_plain(account.user, account.password)[0] == 235


def lines_told(log, word):
    """How many lines with a word the log tells of; how many there are, and how many of them are counts of others."""
    lines = [line for line in log.splitlines() if word in line]
    counts = [re.search(r"(\d+) more in the last", line) for line in lines]
    return sum(int(count[1]) if count else 1 for count in counts), len(lines), sum(map(bool, counts))


def test_wrong_logins_of_one_address_keep_nobody_else_out(own_server):
    names = ["user%d" % n for n in range(6)]
    server = own_server(*names, settings=PLAIN)
    attack = Attack(server)
    try:
        # More than there are places for have asked: the rest has been told to try later.
        assert attack.queue_full.wait(120)
        admitted = [log_in(server, Account(server, name)) for name, log_in in zip(names, [imap_login, pop3_login, smtp_login] * 2)]
    finally:
        attack.end()
    assert admitted == [True] * 6
    server.stop()
    log = server.log_text()
    # Each connection waits longer each time, whatever it is told.
    assert attack.most <= 12, attack.most
    for word, code in [("Failed", "AUTHENTICATIONFAILED"), ("TooManyLogins", "UNAVAILABLE")]:
        told, written, counts = lines_told(log, word)
        assert told >= attack.answers[code], (word, told, attack.answers)
        # Ten in a minute, and the line that counts the rest.
        assert written <= 11 * (counts + 1), (word, written, counts)
    assert log.count("Successful") == 6


def test_a_user_name_imitates_nothing_in_the_log(own_server):
    server = own_server("alice", settings=PLAIN)
    forged = "x Successful IMAP login for user: root peer=9.9.9.9"
    for name in [forged, "Successful.login", 'a\\" peer=9.9.9.9']:
        with IMAP(server.host, server.port("imap"), source="127.0.0.2") as imap:
            imap.send(b'a LOGIN "%s" wrong\r\n' % name.encode())
            assert imap.response()[1] == "NO"
    with POP3(server.host, server.port("pop3"), source="127.0.0.2") as pop3:
        assert pop3.command("AUTH PLAIN " + plain(forged)).startswith(b"-ERR")
    with SMTP(server.host, server.port("submissions"), tls=True, source="127.0.0.2") as smtp:
        assert smtp.auth_plain(forged, "wrong")[0] == 535
    server.stop()
    log = server.log_text()
    failed = [line for line in log.splitlines() if re.search("Failed.*login", line)]
    assert len(failed) == 5 and all(line.endswith(" peer=127.0.0.2") and "[WARN] Failed " in line for line in failed), failed
    assert all("(Authentication error: InvalidCredentials)" in line for line in failed)
    assert not re.search("(?i)successful.*login", log) and "9.9.9.9 " not in log and "peer=9" not in log
