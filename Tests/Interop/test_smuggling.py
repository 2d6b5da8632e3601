"""What is not CRLF does not end a line, over real sockets. CVE-2023-51764 and its kin; RFC 5321 §2.3.8, 3207 §6, 9051 §11.1."""
import pytest
from wire import IMAP, SMTP, Closed

pytestmark = pytest.mark.own

ENDS = {
    "LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CR.CR": b"\r.\r", "CRLF.LF": b"\r\n.\n", "CRLF.CR": b"\r\n.\r", "CR.CRLF": b"\r.\r\n",
    "CRLF NUL.CRLF": b"\r\n\0.\r\n", "NUL CRLF.CRLF-less": b"\0\n.\r\n", "CRLF.NUL": b"\r\n.\0\r\n", "CRCRLF.CRLF-less": b"\r\r\n.\n", "CRLF.CRCRLF": b"\r\n.\r\r\n",
}


def smuggled(address):
    return b"MAIL FROM:<evil@remote.example>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n" % address.encode()


def attempt(smtp, account, end, cut=None):
    """The single answer to a message that carries a false end and a conversation behind it."""
    assert smtp.envelope("a@remote.example", [account.address]) is None
    assert smtp.command("DATA")[0] == 354
    payload = b"Subject: outer\r\n\r\nouter" + end + smuggled(account.address) + b".\r\n"
    if cut is None:
        smtp.send(payload)
    else:
        at = payload.index(end) + cut
        smtp.send(payload[:at])
        smtp.wait_until_read()
        smtp.send(payload[at:])
    return smtp.reply()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_false_end_of_data_ends_nothing(server, account, mx, end):
    for cut in [None] + list(range(0, len(end) + 1)):
        code, text = attempt(mx, account, end, cut)
        assert code == 550 and text.startswith("5.5.2"), (cut, code, text)
        assert mx.command("NOOP")[0] == 250  # no reply more than there were commands
    assert account.bodies() == {}


def test_the_true_end_in_any_cut_is_the_end(server, account, mx):
    end = b"\r\n.\r\n"
    for cut in range(len(end) + 1):
        assert mx.envelope("a@remote.example", [account.address]) is None
        assert mx.command("DATA")[0] == 354
        mx.send(b"Subject: x\r\n\r\nbody" + end[:cut])
        mx.wait_until_read()
        mx.send(end[cut:] + b"NOOP\r\n")
        assert mx.reply()[0] == 250
        assert mx.reply()[0] == 250
    assert len(account.bodies()) == 6


def test_a_command_line_ends_with_crlf_alone(server, account):
    with SMTP(server.host, server.port("smtp")) as smtp:
        smtp.send(b"MAIL FROM:<a@remote.example>\nRCPT TO:<%s>\n\r\n" % account.address.encode())
        assert 500 <= smtp.reply()[0] <= 599
        assert smtp.command("RCPT TO:<%s>" % account.address)[0] == 503


def test_bytes_before_354_are_an_error_and_the_end(server, account):
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.envelope("a@remote.example", [account.address]) is None
        smtp.send(b"DATA\r\nSubject: early\r\n\r\nearly\r\n.\r\n")
        code, text = smtp.reply()
        assert code == 503 and text.startswith("5.5.0"), (code, text)
        assert smtp.is_closed()
    assert account.bodies() == {}


@pytest.mark.parametrize("injected", [b"NOOP\r\n", b"EHLO evil.example\r\nMAIL FROM:<evil@remote.example>\r\n", b"RSET\r\n" * 50],
                         ids=["NOOP", "EHLO MAIL", "RSETs"])
def test_smtp_starttls_drops_what_came_in_plain(server, account, injected):
    with SMTP(server.host, server.port("smtp")) as smtp:
        smtp.send(b"STARTTLS\r\n" + injected)
        try:
            assert smtp.reply()[0] == 220
            smtp.secure()
        except (Closed, OSError):
            return  # closing is as good
        assert not smtp.buffer
        assert smtp.command("MAIL FROM:<a@remote.example>")[0] == 503  # EHLO is forgotten, and this command's answer comes first
        smtp.ehlo()
        assert smtp.command("RCPT TO:<%s>" % account.address)[0] == 503  # no MAIL was heard


def test_imap_starttls_drops_what_came_in_plain(server, account):
    with IMAP(server.host, server.port("imap")) as imap:
        imap.send(b"a STARTTLS\r\nb NOOP\r\nc LOGOUT\r\n")
        try:
            assert imap.response()[:2] == ["a", "OK"]
            imap.secure()
        except (Closed, OSError):
            return
        assert not imap.buffer
        text, untagged = imap.command("CAPABILITY")
        assert "STARTTLS" not in untagged[0] and "LOGINDISABLED" not in untagged[0]
        imap.login(account.user, account.password)


def test_a_login_before_starttls_is_refused(server, account):
    from wire import Refused
    with IMAP(server.host, server.port("imap")) as imap:
        with pytest.raises(Refused):
            imap.login(account.user, account.password)
        with pytest.raises(Refused):
            imap.command("SELECT INBOX")
