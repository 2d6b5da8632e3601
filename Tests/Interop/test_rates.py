"""How often a client asks by HTTP, and a user logs in and sends, in a minute. S42, S43."""
import http.client
import time

import pytest
from conftest import Account
from wire import IMAP, POP3, SMTP, Refused

pytestmark = pytest.mark.own


def test_who_asks_too_often_is_told_until_when_he_waits(own_server):
    server = own_server("alice", start=False, settings={"listeners.http.enabled": True, "limits.exempt": [], "limits.requests-per-address": 5,
                                                        "limits.rate-window": 3600, "limits.rate-per-address": 1000})
    server.start()
    server._wait(80 + server.offset, time.monotonic() + 60)

    def ask(connection, path):
        connection.request("GET", path, headers={"Host": "mail.example.test"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers["Retry-After"]

    def connect(source):
        return http.client.HTTPConnection(server.host, 80 + server.offset, timeout=60, source_address=(source, 0))

    one, other = connect("127.0.0.5"), connect("127.0.0.6")
    assert [ask(one, "/nothing")[0] for _ in range(5)] == [301] * 5
    status, wait = ask(one, "/nothing")
    assert status == 429 and 0 < int(wait) <= 3600
    # The same connection, and what is asked for by machines.
    assert [ask(one, "/health/live")[0] for _ in range(50)] == [200] * 50
    assert ask(one, "/health/live")[0] == 429
    assert ask(connect("127.0.0.5"), "/nothing")[0] == 429
    assert ask(other, "/nothing")[0] == 301
    assert server.log_with("Rate limit exceeded for IP: 127.0.0.5").count("Rate limit exceeded for IP: 127.0.0.5") == 2


def test_a_user_who_logs_in_and_sends_too_often_is_told_to_try_later(own_server):
    server = own_server("alice", "bob", settings={"limits.exempt": [], "limits.rate-per-user": 4, "limits.rate-window": 3600, "limits.rate-per-address": 1000})
    alice, bob = Account(server, "alice"), Account(server, "bob")
    with SMTP(server.host, server.port("submissions"), tls=True) as smtp, IMAP(server.host, server.port("imaps"), tls=True) as imap:
        imap.login(alice.user, alice.password)
        assert smtp.auth_plain(alice.user, alice.password)[0] == 235
        for _ in range(2):
            assert smtp.command("MAIL FROM:<%s>" % alice.address)[0] == 250
            assert smtp.command("RSET")[0] == 250
        code, text = smtp.command("MAIL FROM:<%s>" % alice.address)
        assert code == 451 and "4.7.1" in str(text)
        # Sessions stay, and what goes on in them.
        assert smtp.command("NOOP")[0] == 250
        for _ in range(20):
            imap.select("INBOX")
        with IMAP(server.host, server.port("imaps"), tls=True) as again:
            with pytest.raises(Refused, match="NO"):
                again.login(alice.user, alice.password)
            again.command("NOOP")
        with POP3(server.host, server.port("pop3s"), tls=True) as pop3:
            assert pop3.login(alice.user, alice.password).startswith(b"-ERR [SYS/TEMP]")
        bob.imap().close()
    assert "Rate limit exceeded for user: alice@example.test" in server.log_with("Rate limit exceeded for user")
