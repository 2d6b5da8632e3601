"""Accounts over the wire: disabled ones, wrong passwords, other people's mail. S2-S4, S17, S18, S74-S76."""
import json
import re

import pytest
from conftest import Account
from wire import IMAP, SMTP, Closed, Refused

pytestmark = pytest.mark.own


def ends(line, within=60):
    return line.is_closed(within)


def test_a_disabled_account_is_out_at_once(server, account):
    imap, idle, idling = account.imap(), account.imap(), account.imap()
    imap.select("INBOX")
    idling.select("INBOX")
    idling.start("IDLE")
    assert idling.response()[0] == "+"
    smtp = SMTP(server.host, server.port("submissions"), tls=True)
    assert smtp.auth_plain(account.user, account.password)[0] == 235
    server.disable(account.name)
    assert ends(imap) and ends(idle) and ends(idling), "its IMAP sessions end"
    try:
        code, _ = smtp.command("MAIL FROM:<%s>" % account.address)
        assert code >= 400, "its submission session ends or is refused"
    except (Closed, OSError):
        pass
    with pytest.raises(Refused):
        account.imap()
    with SMTP(server.host, server.port("submissions"), tls=True) as again:
        assert again.auth_plain(account.user, account.password)[0] == 535
    server.enable(account.name)
    account.imap().close()


def test_rights_tell_nobody_which_accounts_exist_and_wait_for_one_that_comes(server, account, other):
    """RFC 4314: a neighbour who is there, and one who is not yet."""
    imap = account.imap()
    imap.command("CREATE Shared")
    later = "late-" + account.name
    texts = {}
    for name in (other.address, later + account.address[account.address.index("@"):]):
        lines = ("SETACL Shared %s lr", "SETACL Shared -%s r", "SETACL Shared %s +s", "LISTRIGHTS Shared %s", "DELETEACL Shared -%s")
        replies = [imap.command(line % name) for line in lines]
        texts[name] = str(replies).replace(name, "NAME")
    assert len(set(texts.values())) == 1, texts
    listed = imap.command("GETACL Shared")[1][0][3:]
    assert {name: rights for name, rights in zip(listed[2::2], listed[3::2])} == {name: "lrs" for name in texts}, listed
    server.add(later)
    late = IMAP(server.host, server.port("imaps"), tls=True)
    late.login(later, server.passwords[later])
    theirs = other.imap()
    for guest in (late, theirs):
        assert "Shared" in str(guest.command('LIST "" "Other Users/*"'))
        guest.command('SELECT "Other Users/%s/Shared"' % account.address)
    server.cli("account", "remove", server.address(later), "--yes")
    assert later not in str(imap.command("GETACL Shared"))
    server.add(later)
    with IMAP(server.host, server.port("imaps"), tls=True) as again:
        again.login(later, server.passwords[later])
        assert "Shared" not in str(again.command('LIST "" "Other Users/*"'))


def test_another_accounts_sessions_go_on(server, account, other):
    ended, imap = account.imap(), other.imap()
    server.disable(account.name)
    assert ends(ended)
    imap.command("NOOP")


def test_a_changed_password_ends_sessions_and_voids_the_old_one(server, account):
    imap = account.imap()
    server.cli("account", "password", account.address, "--password-stdin", stdin="another long password\n")
    assert ends(imap)
    with pytest.raises(Refused):
        account.imap()
    account.password = server.passwords[account.name] = "another long password"
    account.imap().close()


def test_a_removed_account_is_gone(server, account):
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [account.address], b"Subject: x\r\n\r\nx\r\n")[0] == 250
    server.cli("account", "remove", account.address, "--yes")
    with pytest.raises(Refused):
        account.imap()
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.envelope("a@remote.example", [account.address])[0] == 550


def test_unknown_users_and_wrong_passwords_answer_alike(server, account):
    answers = set()
    for user, password in [(account.user, "wrong"), ("nobody-of-that-name@example.test", "wrong"), ("nobody@remote.example", "wrong"), ("no such", "x")]:
        with IMAP(server.host, server.port("imaps"), tls=True) as imap:
            with pytest.raises(Refused) as e:
                imap.login(user, password)
            answers.add(str(e.value))
    assert len(answers) == 1 and answers.pop().startswith("NO [AUTHENTICATIONFAILED]")


def spent(server, act):
    """Hashes of passwords, and KiB filled for them pass by pass, that it costs the server."""
    before = server.counts.hashes, server.counts.hash_work
    act()
    return server.counts.hashes - before[0], server.counts.hash_work - before[1]


def test_unknown_users_and_wrong_passwords_cost_alike(server, account):
    def attempt(user):
        with IMAP(server.host, server.port("imaps"), tls=True) as imap:
            with pytest.raises(Refused):
                imap.login(user, "a wrong one")

    for user in (account.user, "nobody-of-that-name@example.test", "nobody@remote.example", "no such"):
        assert spent(server, lambda: attempt(user)) == (1, 3 * 65536), user


def test_one_accounts_mail_is_not_anothers(server, account, other):
    with account.imap() as imap:
        imap.command("CREATE Mine")
        imap.command("APPEND Mine ", b"Subject: mine\r\n\r\nmine\r\n")
    with other.imap() as imap:
        for command in ('SELECT Mine', 'STATUS Mine (MESSAGES)', 'SELECT "%s/Mine"' % account.address, 'SELECT "../%s/Mine"' % account.name,
                        "DELETE Mine", "RENAME Mine Yours", "APPEND Mine {3+}\r\nabc"):
            with pytest.raises(Refused):
                imap.command(command)
        text, untagged = imap.command('LIST "" *')
        assert not [r for r in untagged if "Mine" in str(r)]


def test_logins_are_logged_and_passwords_are_not(own_server):
    # Its own, for of one address only so many lines a minute are written.
    server = own_server()
    account = Account(server, "alice")
    account.imap().close()
    with IMAP(server.host, server.port("imaps"), tls=True) as imap:
        with pytest.raises(Refused):
            imap.login(account.user, "a very wrong password")
    log = server.log_with("Failed IMAP login attempt for user: " + re.escape(account.user) + r"(.|\n)*InvalidCredentials")
    assert "Successful IMAP login for user: " + account.user in log
    assert "Failed IMAP login attempt for user: " + account.user in log
    assert "a very wrong password" not in log and account.password not in log


def test_last_login_is_kept(server, account):
    account.imap().close()
    rows = json.loads(server.cli("account", "list", "--json").stdout)
    row = next(r for r in rows if r["name"] == account.address)
    assert row["enabled"] and row["lastLogin"]


def test_ten_connections_cost_one_hash(server, account):
    def connect():
        for _ in range(10):
            account.imap().close()

    assert spent(server, connect)[0] == 1


@pytest.mark.parametrize("name", [".user", "user.", "-user", "user..name", "user@#$%", "", "u" * 65, "user/name", "usér", "a b", "USER1\n"])
def test_unlawful_names_are_refused(server, name):
    r = server.cli("account", "add", "%s@example.test" % name, "--password-stdin", stdin="a long password\n", check=False)
    assert r.returncode != 0 and r.stderr.strip()


def test_names_differ_by_more_than_case(server, account):
    r = server.cli("account", "add", account.address.upper(), "--password-stdin", stdin="a long password\n", check=False)
    assert r.returncode != 0
