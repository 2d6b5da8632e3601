"""Stock SMTP clients: swaks, smtplib, curl. RFC 5321, 3207, 4954, 2920, 6531, 3030."""
import smtplib
from email.message import EmailMessage
from email.policy import SMTP as SMTPPolicy
from email.policy import SMTPUTF8

import pytest
from conftest import PEERS, need, run
from mailset import without_trace
from wire import SMTP, lax_tls

TEXT = b"From: a@remote.example\r\nTo: b@example.test\r\nSubject: %s\r\n\r\nHello there.\r\n.leading dot\r\n"


def own(account, subject: bytes) -> bytes:
    """A submission says whose it is."""
    return (TEXT % subject).replace(b"a@remote.example", account.address.encode())


def only_body(account):
    bodies = list(account.bodies().values())
    assert len(bodies) == 1, bodies
    return bodies[0]


def arrived(account, data: bytes):
    body = only_body(account)
    assert body.endswith(data) if PEERS else without_trace(body) == data


def swaks(server, port, *args, data, to):
    status, said = run("swaks", "--server", "%s:%d" % (server.host, server.port(port)), "--from", "a@remote.example", "--to", to,
                       "--helo", "client.example", "--data", data.decode().replace("\r\n", "\\n"), *args)
    return status, said.decode("utf-8", "replace")


@need("swaks")
@pytest.mark.parametrize("options", [[], ["--pipeline"], ["--tls"], ["--tls", "--pipeline"]], ids=" ".join)
def test_swaks_to_mx(server, account, options):
    data = TEXT % b"swaks"
    status, said = swaks(server, "smtp", *options, data=data, to=account.address)
    assert status == 0, said
    if "--tls" in options:
        assert "TLS started with cipher" in said
    assert without_trace(only_body(account)).startswith(data[:-2]) if not PEERS else only_body(account)


@need("swaks")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("port", ["submission", "submissions"])
def test_swaks_submits(server, account, other, port, mechanism):
    if PEERS and port == "submissions":
        pytest.skip("the peers have no such port")
    status, said = swaks(server, port, "--tls" if port == "submission" else "--tls-on-connect", "--auth", mechanism,
                         "--auth-user", account.user, "--auth-password", account.password, "--from", account.address,
                         data=own(account, b"submitted"), to=other.address)
    assert status == 0, said
    body = only_body(other)
    assert b"Subject: submitted" in body
    for field in (b"\r\nDate: ", b"\r\nMessage-ID: <", b"Return-Path: <"):
        assert field.lower() in body.lower(), "submission adds what is missing: %r" % field


@need("swaks")
def test_swaks_with_a_wrong_password_is_refused(server, account):
    status, said = swaks(server, "submission", "--tls", "--auth", "PLAIN", "--auth-user", account.user, "--auth-password", "wrong",
                         "--from", account.address, data=TEXT % b"never", to=account.address)
    assert status == 28 and "535" in said, said
    assert account.bodies() == {}


def test_auth_is_neither_offered_nor_taken_without_tls(server, account):
    if PEERS:
        pytest.skip("the peers allow it")
    with SMTP(server.host, server.port("submission")) as smtp:
        assert "AUTH" not in smtp.extensions
        code, text = smtp.auth_plain(account.user, account.password)
        assert code in (523, 530, 538, 502, 503, 504), (code, text)


def test_smtplib_starttls_login_and_send(server, account, other):
    with smtplib.SMTP(server.host, server.port("submission"), timeout=30) as s:
        s.starttls(context=lax_tls())
        s.login(account.user, account.password)
        m = EmailMessage(policy=SMTPPolicy)
        m["From"], m["To"], m["Subject"] = account.address, other.address, "smtplib"
        m.set_content("Grüße\n")
        assert s.send_message(m) == {}
    assert b"Subject: smtplib" in only_body(other)


@pytest.mark.own
def test_smtplib_over_implicit_tls(server, account, other):
    with smtplib.SMTP_SSL(server.host, server.port("submissions"), timeout=30, context=lax_tls()) as s:
        s.login(account.user, account.password)
        s.sendmail(account.address, [other.address, account.address], own(account, b"two recipients"))
    assert b"two recipients" in only_body(other) and b"two recipients" in only_body(account)


def test_smtplib_partial_refusal(server, account):
    with smtplib.SMTP(server.host, server.port("smtp"), timeout=30) as s:
        nobody = server.address("nobody-of-that-name")
        refused = s.sendmail("a@remote.example", [nobody, account.address], TEXT % b"partial")
    assert list(refused) == [nobody] and refused[nobody][0] == 550
    if not PEERS:
        assert refused[nobody][1].startswith(b"5.1.1 ")
    arrived(account, TEXT % b"partial")


def test_smtplib_smtputf8(server, account):
    m = EmailMessage(policy=SMTPUTF8)
    m["From"], m["To"], m["Subject"] = "jürgen@bücher.example", account.address, "Grüße 🐦"
    m.set_content("日本語\n")
    with smtplib.SMTP(server.host, server.port("smtp"), timeout=30) as s:
        s.ehlo()
        assert s.has_extn("smtputf8")
        assert s.send_message(m) == {}
    body = only_body(account)
    assert "Return-Path: <jürgen@bücher.example>".encode() in body
    assert "Subject: Grüße 🐦".encode() in body


def test_rcpt_is_without_case_and_postmaster_is_there(server, mx):
    assert mx.envelope("", [server.address("alice").upper(), "Postmaster" if not PEERS else server.address("alice")]) is None


@need("curl")
@pytest.mark.parametrize("scheme,port", [("smtp", "submission"), ("smtps", "submissions")])
def test_curl_submits(server, account, other, tmp_path, scheme, port):
    if PEERS and port == "submissions":
        pytest.skip("the peers have no such port")
    file = tmp_path / "m.eml"
    file.write_bytes(own(account, b"curl"))
    status, said = run("curl", "-sS", "-k", "--ssl-reqd", "%s://%s:%d/client.example" % (scheme, server.host, server.port(port)),
                       "--user", "%s:%s" % (account.user, account.password), "--mail-from", account.address,
                       "--mail-rcpt", other.address, "--upload-file", str(file))
    assert status == 0, said
    assert b"Subject: curl" in only_body(other)


@pytest.mark.parametrize("chunk", [1, 7, 1000, 1 << 20])
def test_bdat(server, account, mx, chunk):
    data = TEXT % b"bdat" + b".\r\n..\r\n" * 20
    if PEERS:
        chunk = max(chunk, 1000)
    assert mx.deliver("a@remote.example", [account.address], data, bdat=True, chunk=chunk)[0] == 250
    arrived(account, data)


def test_bdat_0_last(server, account, mx):
    data = TEXT % b"bdat 0 last"
    assert mx.envelope("a@remote.example", [account.address]) is None
    mx.send(b"BDAT %d\r\n%sBDAT 0 LAST\r\nNOOP\r\n" % (len(data), data))
    assert [mx.reply()[0] for _ in range(3)] == [250, 250, 250]
    arrived(account, data)


@pytest.mark.own
def test_bdat_mends_bare_line_feeds(server, account, mx):
    """docs/decisions/0012-bare-lf-in-bdat.md"""
    reply = mx.deliver("a@remote.example", [account.address], b"Subject: x\r\n\r\nbare\nline\n.\nend\r\n", bdat=True)
    assert reply[0] == 250, reply
    assert mx.command("NOOP")[0] == 250
    [body] = account.bodies().values()
    assert body.endswith(b"\r\nSubject: x\r\n\r\nbare\r\nline\r\n.\r\nend\r\n"), body


@pytest.mark.own
def test_bdat_refuses_a_bare_carriage_return(server, account, mx):
    reply = mx.deliver("a@remote.example", [account.address], b"Subject: x\r\n\r\nbare\rline\r\n", bdat=True)
    assert reply[0] == 550 and reply[1].startswith("5.5.2"), reply
    assert mx.command("NOOP")[0] == 250
    assert account.bodies() == {}


def test_a_whole_pipelined_conversation(server, account):
    data = TEXT % b"pipelined"
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert "PIPELINING" in smtp.extensions
        envelope = b"MAIL FROM:<a@remote.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % account.address.encode()
        smtp.send(envelope)
        assert [smtp.reply()[0] for _ in range(3)] == [250, 250, 354]
        smtp.send(SMTP.stuffed(data) + envelope)  # RFC 2920 §3.1: the next transaction may follow the dot at once
        assert [smtp.reply()[0] for _ in range(4)] == [250, 250, 250, 354]
        smtp.send(SMTP.stuffed(data) + b"QUIT\r\n")
        assert [smtp.reply()[0] for _ in range(2)] == [250, 221]
    assert len(account.bodies()) == 2


@pytest.mark.own
def test_ehlo_offers_what_is_served_and_no_more(server):
    with SMTP(server.host, server.port("smtp")) as smtp:
        offered = set(smtp.extensions)
        assert {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "STARTTLS", "LIMITS", "DSN"} <= offered
        assert not offered & {"AUTH", "BINARYMIME", "FUTURERELEASE", "DELIVERBY", "MT-PRIORITY"}
        assert smtp.extensions["SIZE"] == ["52428800"]
        smtp.starttls()
        assert "STARTTLS" not in smtp.extensions and "AUTH" not in smtp.extensions
    with SMTP(server.host, server.port("submissions"), tls=True) as smtp:
        assert set(smtp.extensions["AUTH"]) >= {"PLAIN", "LOGIN"}
        assert {"DSN", "BINARYMIME", "FUTURERELEASE", "DELIVERBY", "MT-PRIORITY"} <= set(smtp.extensions)
