"""App passwords, second factors and demands for other passwords, as an administrator makes them and mail programs meet them."""
import base64
import hashlib
import hmac
import imaplib
import json
import poplib
import smtplib
import ssl
import struct
from datetime import datetime, timezone
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import Account
from server import StartFailed
from wire import IMAP, Refused

pytestmark = pytest.mark.own


def opens(account, password, protocol):
    """Whether Python's client of that protocol gets in."""
    host, context = account.server.host, ssl._create_unverified_context()
    try:
        if protocol == "imap":
            with imaplib.IMAP4_SSL(host, account.server.port("imaps"), ssl_context=context) as imap:
                imap.login(account.user, password)
        elif protocol == "pop3":
            pop3 = poplib.POP3_SSL(host, account.server.port("pop3s"), context=context)
            pop3.user(account.user)
            pop3.pass_(password)
            pop3.quit()
        else:
            with smtplib.SMTP_SSL(host, account.server.port("submissions"), context=context) as smtp:
                smtp.login(account.user, password)
    except imaplib.IMAP4.error as e:
        assert "AUTHENTICATIONFAILED" in str(e), e
        return False
    except poplib.error_proto as e:
        assert b"[AUTH]" in e.args[0], e
        return False
    except smtplib.SMTPAuthenticationError as e:
        assert e.smtp_code == 535, e
        return False
    return True


def everywhere(account, password):
    return {protocol: opens(account, password, protocol) for protocol in ("imap", "pop3", "smtp")}


def made(account, *options, label="phone"):
    return json.loads(account.server.cli("app-password", "add", account.address, label, *options, "--json").stdout)


def listed(account):
    return json.loads(account.server.cli("app-password", "list", account.address, "--json").stdout)


def code_now(secret):
    """RFC 6238, by Python's own means."""
    step = int(datetime.now(timezone.utc).timestamp()) // 30
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    number, = struct.unpack(">I", digest[digest[19] & 15:][:4])
    return "%06d" % ((number & 0x7FFFFFFF) % 1000000)


ALL, NONE = dict.fromkeys(("imap", "pop3", "smtp"), True), dict.fromkeys(("imap", "pop3", "smtp"), False)


def test_an_app_password_opens_what_it_is_for_until_it_is_removed(account):
    phone = made(account)
    mail = made(account, "--protocol", "imap", "--protocol", "smtp", "--network", "127.0.0.0/8", "--days", "30", label="Laptop, at home")
    far = made(account, "--network", "192.0.2.0/24", label="far")
    assert everywhere(account, phone["secret"]) == ALL
    assert everywhere(account, mail["secret"]) == {"imap": True, "pop3": False, "smtp": True}
    assert everywhere(account, far["secret"]) == NONE
    assert everywhere(account, account.password) == ALL
    shown = {a["label"]: a for a in listed(account)}
    assert set(shown) == {"phone", "Laptop, at home", "far"}
    assert shown["Laptop, at home"]["lastUse"]["over"] == "SMTP" and "lastUse" not in shown["far"]
    assert phone["secret"] not in account.server.cli("app-password", "list", account.address).stdout

    idle = IMAP(account.server.host, account.server.port("imaps"), tls=True)
    idle.login(account.user, phone["secret"])
    stays = account.imap()
    account.server.cli("app-password", "remove", account.address, phone["appPassword"]["id"])
    assert idle.is_closed(60), "the session that it opened ends"
    stays.command("NOOP")
    stays.close()
    assert everywhere(account, phone["secret"]) == NONE


def test_app_passwords_and_their_last_use_are_there_after_a_restart(own_server):
    server = own_server()
    secret = json.loads(server.cli("app-password", "add", server.address("alice"), "phone", "--json").stdout)["secret"]
    alice = Account(server, "alice")
    assert opens(alice, secret, "imap")
    server.restart()
    assert listed(alice)[0]["lastUse"]["over"] == "IMAP"
    assert opens(alice, secret, "pop3")
    # So they are where no server runs.
    server.stop()
    assert [a["label"] for a in listed(alice)] == ["phone"]


@pytest.mark.parametrize("words,text", [
    (["app-password", "add", "nobody", "x"], "no such account"),
    (["app-password", "add", "alice", " "], "name of 1 to 64"),
    (["app-password", "add", "alice", "x", "--network", "home"], "no network"),
    (["app-password", "add", "alice", "x", "--protocol", "gopher"], "--protocol is one of smtp, imap, pop3"),
    (["app-password", "remove", "alice", "nonesuch"], "no app password nonesuch"),
    (["totp", "confirm", "alice", "123456"], "enroll first"),
    (["totp", "disable", "alice"], "not on"),
])
def test_what_cannot_be_is_refused_in_a_line(server, words, text):
    r = server.cli(*words, check=False)
    assert r.returncode != 0 and text in r.stderr, (r.returncode, r.stdout, r.stderr)


def test_with_a_second_factor_mail_programs_log_in_by_app_passwords_alone(account):
    server = account.server
    phone = made(account)["secret"]
    enrolled = json.loads(server.cli("totp", "enroll", account.address, "--json").stdout)
    facts = urlsplit(enrolled["address"])
    assert facts.scheme == "otpauth" and parse_qs(facts.query)["secret"] == [enrolled["secret"]]
    # Nothing is demanded before it is confirmed, nor by a wrong code.
    with pytest.raises(StartFailed, match="wrong"):
        server.cli("totp", "confirm", account.address, "12345")
    assert everywhere(account, account.password) == ALL
    idle = account.imap()
    codes = json.loads(server.cli("totp", "confirm", account.address, code_now(enrolled["secret"]), "--json").stdout)
    assert len(set(codes)) == 10
    assert idle.is_closed(60), "sessions that the password opened end"
    assert everywhere(account, account.password) == NONE
    assert everywhere(account, phone) == ALL
    assert "recovery codes left: 10" in server.cli("totp", "show", account.address).stdout
    [line] = [a for a in json.loads(server.cli("account", "list", "--json").stdout) if a["name"] == account.address]
    assert line["secondFactor"] is True and line["mustReset"] is False
    server.cli("totp", "disable", account.address)
    assert everywhere(account, account.password) == ALL


def test_a_password_that_has_to_be_changed_opens_nothing_until_it_is(account):
    server = account.server
    idle = account.imap()
    server.cli("account", "force-reset", account.address)
    assert idle.is_closed(60)
    assert everywhere(account, account.password) == NONE
    assert "password to be changed" in server.cli("account", "list").stdout
    server.cli("account", "password", account.address, "--password-stdin", stdin="another horse 43\n")
    assert everywhere(account, "another horse 43") == ALL
    assert everywhere(account, account.password) == NONE


def test_an_app_password_of_an_account_that_was_removed_opens_nobodys_mail(server, account):
    secret = made(account)["secret"]
    server.cli("account", "remove", account.address, "--yes")
    server.cli("account", "add", account.address, "--password-stdin", stdin="yet another horse 44\n")
    with pytest.raises(Refused):
        IMAP(server.host, server.port("imaps"), tls=True).login(account.user, secret)
    assert listed(account) == []


def test_an_administrator_is_made_and_unmade_at_the_command_line(server, account):
    held = json.loads(server.cli("role", "grant", account.address, "administrator", "--json").stdout)
    assert held == [{"account": account.address, "role": "administrator"}]
    server.cli("role", "define", "helpdesk", "accounts.read", "credentials.manage")
    server.cli("role", "grant", account.address, "helpdesk", "--domain", "example.test")
    assert server.cli("role", "holders", account.address).stdout.splitlines() == [
        "%s\tadministrator\tall" % account.address, "%s\thelpdesk\texample.test" % account.address]
    roles = {r["name"]: r for r in json.loads(server.cli("role", "list", "--json").stdout)}
    assert roles["helpdesk"]["permissions"] == ["credentials.manage", "accounts.read"] and roles["administrator"]["isBuiltIn"]
    for words, text in (["role", "remove", "helpdesk"], "have the role"), (["role", "define", "x", "fly"], "no permission fly"), (
            ["role", "grant", account.address, "king"], "no role king"), (["role", "grant", account.address, "auditor", "--domain", "x.example"], "no such domain"):
        r = server.cli(*words, check=False)
        assert r.returncode and text in r.stderr, r
    server.cli("role", "revoke", account.address, "helpdesk", "--domain", "example.test")
    server.cli("role", "remove", "helpdesk")
    assert json.loads(server.cli("role", "revoke", account.address, "administrator", "--json").stdout) == []


def test_an_assistant_sends_on_behalf_and_then_as_the_owner(server, account, other):
    """RFC 5322 §3.6.2, by Python's smtplib."""
    def send(envelope, header):
        with smtplib.SMTP_SSL(server.host, server.port("submissions"), context=ssl._create_unverified_context()) as smtp:
            smtp.login(other.user, other.password)
            try:
                smtp.sendmail(envelope, [account.address], header + "\r\nSubject: wren\r\n\r\nhello\r\n")
            except smtplib.SMTPResponseException as e:
                return e.smtp_code
            return 250

    both = "From: %s\r\nSender: %s" % (account.address, other.address)
    assert send(other.address, both) == 550
    server.cli("account", "delegate", account.address, other.address, "--on-behalf")
    assert send(other.address, both) == 250
    assert send(other.address, "From: " + account.address) == 550
    server.cli("account", "delegate", account.address, other.address, "--as-owner")
    assert send(account.address, "From: " + account.address) == 250
    assert server.cli("account", "delegate", account.address).stdout == "%s\tas-owner\n" % other.address
    assert server.cli("account", "delegate", account.address, other.address, "--off").stdout == ""
    assert send(other.address, both) == 550
    assert len(account.bodies()) == 2
