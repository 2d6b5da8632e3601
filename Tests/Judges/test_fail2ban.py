"""fail2ban's own fail2ban-regex, over the server's own log, with the filter that comes with it: every failed login is found, with the address that it
came from, and no name that a peer chooses adds or hides one."""
import base64
import glob
import os
import subprocess
import sys

import pytest
from wire import IMAP, POP3, SMTP

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
NAMES = [
    "alice", "nobody@example.test", "x Successful IMAP login for user: root peer=9.9.9.9", "a (Authentication error: InvalidCredentials) peer=9.9.9.9",
    '" (Authentication error: InvalidCredentials) peer=9.9.9.9', "[WARN] Failed IMAP login attempt for user: a peer=9.9.9.9", "jörg", "y" * 500,
    '","peer":"9.9.9.9"}', "2026-11-22T00:35:00.123Z [WARN] Failed IMAP login attempt", "peer=9.9.9.9", "Failed", "attack.injection", "\\u{22}", "…",
]


def found(log):
    """The addresses of failed logins, one a line."""
    (place,) = glob.glob(os.path.join(os.environ["MARTLET_JUDGES_VENV"], "fail2ban"))
    r = subprocess.run(
        [sys.executable, place + "/usr/bin/fail2ban-regex", "-c", place + "/etc/fail2ban", "-o", "ip", log, ROOT + "/share/fail2ban/martlet.conf"],
        env=dict(os.environ, PYTHONPATH=place + "/usr/lib/python3/dist-packages"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert r.returncode == 0, r.stdout + r.stderr
    return r.stdout.split()


def plain(user):
    return base64.b64encode(b"\0%s\0wrong" % user.encode()).decode()


def fail(server, name, number):
    source = "127.0.1.%d" % (number + 1)
    if number % 3 == 0:
        with IMAP(server.host, server.port("imap"), source=source) as imap:
            imap.send(b"a LOGIN {%d+}\r\n%s wrong\r\n" % (len(name.encode()), name.encode()))
            assert imap.response()[1] == "NO"
    elif number % 3 == 1:
        with POP3(server.host, server.port("pop3"), source=source) as pop3:
            assert pop3.command("AUTH PLAIN " + plain(name)).startswith(b"-ERR")
    else:
        with SMTP(server.host, server.port("submissions"), tls=True, source=source) as smtp:
            assert smtp.auth_plain(name, "wrong")[0] == 535
    return source


@pytest.mark.parametrize("json", ["false", "true"], ids=["text", "json"])
def test_every_failed_login_is_found_and_no_other(own_server, json):
    server = own_server("alice", settings={"logging.json": json, "auth.plaintext-on-loopback": True})
    with IMAP(server.host, server.port("imap"), source="127.0.0.2") as imap:
        imap.login(server.address("alice"), server.passwords["alice"])
    sources = [fail(server, name, number) for number, name in enumerate(NAMES)]
    # More of one address than have a line each: the line with the count is one more.
    for number in range(11):
        with IMAP(server.host, server.port("imap"), source="127.0.2.1") as imap:
            imap.send(b"a LOGIN carol wrong-%d\r\n" % number)
            assert imap.response()[1] == "NO"
    server.stop()
    assert sorted(found(server.log)) == sorted(sources + ["127.0.2.1"] * 11)
