"""Who guesses passwords is locked out and then banned, and keeps nobody else out. S45, S46."""
import json
import threading

import pytest
from conftest import Account
from wire import IMAP, POP3, Closed, Line

pytestmark = pytest.mark.own
SETTINGS = {"auth.plaintext-on-loopback": True, "limits.exempt": [], "limits.rate-per-address": 100000, "auth.lockout.failures": 3, "auth.ban.failures": 0}
BANS = {**SETTINGS, "auth.ban.failures": 6}


@pytest.fixture
def site(own_server):
    return own_server("alice", "bob", settings=SETTINGS)


@pytest.fixture
def banning(own_server):
    return own_server("alice", "bob", settings=BANS)


def login(server, user, password, source):
    """The answer to an IMAP LOGIN; None where it is not let in."""
    try:
        with IMAP(server.host, server.port("imap"), source=source) as imap:
            imap.send(b'a LOGIN "%s" "%s"\r\n' % (user.encode(), password.encode()))
            answer = imap.response()
            while answer[0] == "*":
                answer = imap.response()
            return answer[1], answer[2]
    except (Closed, OSError):
        return None


def right(server, name, source):
    account = Account(server, name)
    answer = login(server, account.user, account.password, source)
    return answer is not None and answer[0] == "OK"


def at_once(*jobs):
    """What they answer, in their order."""
    answers = [None] * len(jobs)

    def work(number):
        answers[number] = jobs[number]()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return answers


def guess(server, name, source, words):
    """All at the same time: each is answered late."""
    at_once(*[lambda w=word: login(server, server.address(name), w, source) for word in words])


def spray(server, source, count=6):
    at_once(*[lambda n=n: login(server, "user%d@example.test" % n, "wrong", source) for n in range(count)])


def is_let_in(server, name, source):
    """Whether a port greets as it greets everybody."""
    port, greeting = server.port(name), {"imap": b"* OK", "pop3": b"+OK", "smtp": b"220", "submission": b"220"}[name]
    try:
        with Line(server.host, port, source=source) as line:
            return line.line().startswith(greeting)
    except (Closed, OSError):
        return False


def test_a_guesser_locks_the_owner_out_neither_at_home_nor_elsewhere(site):
    assert right(site, "alice", "127.0.0.9")
    guess(site, "alice", "127.0.0.2", ["wrong %d" % n for n in range(9)])
    guess(site, "alice", "127.0.7.2", ["wrong %d" % n for n in range(3)])
    # Neighbours of the owner count by themselves, three times as many; where nobody has logged in before a network is locked.
    for source in ["127.0.0.2", "127.0.7.2", "127.0.7.3"]:
        assert not right(site, "alice", source), source
    assert right(site, "alice", "127.0.0.9")
    assert right(site, "alice", "127.0.8.1")
    assert right(site, "bob", "127.0.7.2")
    log = site.log_with("Locked out: alice@example.test in 127.0.7.0/24")
    assert log.count("Locked out: ") == 2, log


def test_a_right_password_is_told_what_a_wrong_one_is(site):
    guess(site, "alice", "127.0.7.2", ["wrong %d" % n for n in range(3)])
    account = Account(site, "alice")
    hashes = "martlet_password_hash_seconds_count"
    count = [line for line in site.cli("metrics").stdout.splitlines() if line.startswith(hashes)]

    def by_pop3(password):
        with POP3(site.host, site.port("pop3"), source="127.0.7.2") as pop3:
            return pop3.login(account.user, password)

    passwords = ["wrong again", account.password]
    answers = at_once(*[lambda p=p: login(site, account.user, p, "127.0.7.2") for p in passwords], *[lambda p=p: by_pop3(p) for p in passwords])
    assert answers[0] == answers[1] and answers[0][0] == "NO"
    assert answers[2] == answers[3] and answers[2].startswith(b"-ERR [AUTH]")
    assert [line for line in site.cli("metrics").stdout.splitlines() if line.startswith(hashes)] == count
    shown = json.loads(site.cli("account", "unlock", "alice@example.test", "--json").stdout)
    assert shown == {"account": "alice@example.test", "networks": ["127.0.7.0/24"]}
    assert right(site, "alice", "127.0.7.2")
    assert site.log_with("Account unlocked: alice@example.test").count("uid=") == 1


def test_a_ban_closes_all_ports_and_survives_a_start(banning):
    site = banning
    spray(site, "127.0.5.1")
    ports = ["imap", "pop3", "smtp", "submission"]
    assert "Banned: 127.0.5.1 for 3600 s" in site.log_with("Banned: ")
    assert [is_let_in(site, port, "127.0.5.1") for port in ports] == [False] * 4
    assert [is_let_in(site, port, "127.0.5.2") for port in ports] == [True] * 4
    bans = json.loads(site.cli("ban", "list", "--json").stdout)
    assert [(ban["network"], ban["origin"]) for ban in bans] == [("127.0.5.1", "failures")]
    metrics = site.cli("metrics").stdout
    assert "\nmartlet_address_bans 1\n" in metrics and 'martlet_connections_refused_total{service="pop3",reason="banned"} 1' in metrics
    site.restart()
    assert [is_let_in(site, port, "127.0.5.1") for port in ports] == [False] * 4
    assert json.loads(site.cli("ban", "list", "--json").stdout) == bans
    site.cli("ban", "remove", "127.0.5.1")
    assert [is_let_in(site, port, "127.0.5.1") for port in ports] == [True] * 4
    assert site.cli("ban", "remove", "127.0.5.1", check=False).returncode == 65


def test_the_same_wrong_password_again_counts_once(banning):
    site = banning
    guess(site, "alice", "127.0.5.1", ["old telephone"] * 12)
    assert right(site, "alice", "127.0.5.1")
    assert json.loads(site.cli("ban", "list", "--json").stdout) == []


def test_a_ban_by_hand_holds_at_once_and_ends_connections(site):
    with IMAP(site.host, site.port("imap"), source="127.0.5.1") as banned, IMAP(site.host, site.port("imap"), source="127.0.6.1") as other:
        site.cli("ban", "add", "127.0.5.0/24", "--for", "1d", "--reason", "scans us")
        assert banned.is_closed(within=20)
        other.command("NOOP")
    assert not is_let_in(site, "imap", "127.0.5.77") and is_let_in(site, "imap", "127.0.6.1")
    assert "uid=" in site.log_with("Ban ordered: 127.0.5.0/24")
    site.stop()
    # Without a server too.
    shown = json.loads(site.cli("ban", "list", "--json").stdout)
    assert [(ban["network"], ban["origin"], ban["reason"]) for ban in shown] == [("127.0.5.0/24", "order", "scans us")]
    site.cli("ban", "remove", "127.0.5.0/24")
    site.cli("ban", "add", "127.0.6.1")
    site.start()
    assert is_let_in(site, "imap", "127.0.5.77") and not is_let_in(site, "imap", "127.0.6.1")


def test_this_machine_is_never_banned_unless_the_configuration_says_so(own_server):
    server = own_server("alice", settings={**BANS, "limits.exempt": ["127.0.0.0/8", '"::1"']})
    spray(server, "127.0.5.1", 12)
    assert is_let_in(server, "imap", "127.0.5.1")
    refused = server.cli("ban", "add", "127.0.5.1", check=False)
    assert refused.returncode == 65 and "limits.exempt" in refused.stderr
    for words in [["ban", "add", "nobody"], ["ban", "add", "192.0.2.1", "--for", "soon"], ["ban", "remove", "192.0.2.1/33"]]:
        assert server.cli(*words, check=False).returncode == 64, words
