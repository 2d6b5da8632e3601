"""Never an open relay: who may send what to whom on which port."""
import pytest
from wire import SMTP

pytestmark = pytest.mark.own

REMOTE = [
    "victim@remote.example", "<@a.example,@b.example:victim@remote.example>", "<@example.test:victim@remote.example>",
    "victim%remote.example@example.test", '"victim@remote.example"@example.test', "victim@remote.example@example.test",
    "remote.example!victim@example.test", "remote.example!victim", "victim@[127.0.0.1]", "victim@[IPv6:::1]", "victim@localhost",
    "victim", '"victim"', "", "victim@", "@example.test", "victim@sub.example.test", "victim@example.test.", "victim@EXAMPLE.TEST",
    "victim@example.test@remote.example", "alice@remote.example", "alice @example.test", "alice@example.test victim@remote.example",
    "alice\\@remote.example@example.test", "alice@example.test\0@remote.example", "ünknown@example.test", "victim@remote。example",
    "victim+tag%remote.example@example.test", "alice@example.test>,<victim@remote.example",
]


# What may be somebody at another server: a user's mail to it is queued, and fails there if it must.
OTHERS = {
    "victim@remote.example", "<@a.example,@b.example:victim@remote.example>", "<@example.test:victim@remote.example>", "victim@[IPv6:::1]",
    "victim@localhost", "victim@sub.example.test", "alice@remote.example", "victim@remote\u3002example",
}


def rcpt(address):
    return ("RCPT TO:" + (address if address.startswith("<@a.") or address.startswith("<@e") else "<%s>" % address)).encode()


@pytest.mark.parametrize("address", REMOTE)
@pytest.mark.parametrize("port", ["smtp", "submission", "submissions"])
def test_a_stranger_gets_nobody_but_local_accounts(server, port, address):
    with SMTP(server.host, server.port(port), tls=port == "submissions") as smtp:
        code, text = smtp.command("MAIL FROM:<stranger@remote.example>" + (" SMTPUTF8" if not address.isascii() else ""))
        if port != "smtp":
            assert code == 530, (code, text)
        code, text = smtp.command(rcpt(address))
        assert 500 <= code <= 599 and text.startswith("5."), (code, text)
        code, text = smtp.command("DATA")
        assert code in (503, 530, 554), (code, text)


@pytest.mark.parametrize("address", REMOTE)
def test_a_user_reaches_accounts_and_true_addresses_of_others_only(server, account, address):
    with SMTP(server.host, server.port("submissions"), tls=True) as smtp:
        assert smtp.auth_plain(account.user, account.password)[0] == 235
        assert smtp.command("MAIL FROM:<%s>%s" % (account.address, " SMTPUTF8" if not address.isascii() else ""))[0] == 250
        code, text = smtp.command(rcpt(address))
        if address in OTHERS:
            assert code == 250, (code, text)
        else:
            assert 500 <= code <= 599 and text.startswith("5."), (code, text)


def test_the_reasons_that_clients_are_given(server, account):
    with SMTP(server.host, server.port("smtp")) as smtp:
        smtp.command("MAIL FROM:<stranger@remote.example>")
        assert smtp.command("RCPT TO:<nobody-at-all@example.test>")[1].startswith("5.1.1")
        assert smtp.command("RCPT TO:<victim@remote.example>")[1].startswith("5.7.1")
    with SMTP(server.host, server.port("submissions"), tls=True) as smtp:
        smtp.auth_plain(account.user, account.password)
        smtp.command("MAIL FROM:<%s>" % account.address)
        assert smtp.command("RCPT TO:<nobody-at-all@example.test>")[1].startswith("5.1.1")
        assert smtp.command("RCPT TO:<victim@remote.example>")[0] == 250


def test_the_sender_of_a_submission_is_the_user(server, account, other):
    with SMTP(server.host, server.port("submissions"), tls=True) as smtp:
        smtp.auth_plain(account.user, account.password)
        for sender in (other.address, "ceo@remote.example", account.address + "@remote.example", account.name + "%remote@example.test"):
            code, text = smtp.command("MAIL FROM:<%s>" % sender)
            assert 500 <= code <= 599, (sender, code, text)
        assert smtp.command("MAIL FROM:<%s>" % account.address.upper())[0] == 250


def test_the_from_of_a_submission_is_the_users(server, account, other):
    with SMTP(server.host, server.port("submissions"), tls=True) as smtp:
        smtp.auth_plain(account.user, account.password)
        for header in (b"From: " + other.address.encode(), b"From: Us: %s, %s;" % (account.address.encode(), other.address.encode()),
                       b"From: %s\r\nSender: ceo@remote.example" % account.address.encode(), b"From : ceo@remote.example",
                       b"From: %s\r\nFROM: %s" % (account.address.encode(), other.address.encode())):
            for bdat in (False, True):
                code, text = smtp.deliver(account.address, [other.address], header + b"\r\nSubject: forged\r\n\r\nx\r\n", bdat=bdat)
                assert code == 550 and text.startswith("5.7.1"), (header, code, text)
        assert smtp.deliver(account.address, [other.address], b"Subject: mine\r\nBcc: %s\r\n\r\nx\r\n" % account.address.encode())[0] == 250
    (body,) = other.bodies().values()
    assert b"\r\nFrom: %s\r\n" % account.address.encode() in body and b"Bcc" not in body


def test_the_mx_takes_no_logins(server, account):
    with SMTP(server.host, server.port("smtp")) as smtp:
        smtp.starttls()
        assert smtp.auth_plain(account.user, account.password)[0] in (500, 502, 503, 504)


def test_vrfy_and_expn_tell_nothing(server):
    with SMTP(server.host, server.port("smtp")) as smtp:
        answers = {smtp.command("VRFY " + who)[0] for who in ("alice@example.test", "nobody-at-all@example.test")}
        assert answers <= {252} or answers <= {502}
        assert smtp.command("EXPN list")[0] in (252, 502, 550)
