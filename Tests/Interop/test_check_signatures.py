"""`martlet check dkim` and `martlet check arc`: a message on standard input, judged by hand against a name server of the test's own."""
import base64
import json
import subprocess

import dkim
import pytest
import server as serving
from nameserver import NameServer

pytestmark = pytest.mark.own

# RFC 8463 A.3, with LF as files have it.
SIGNED = b"""DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.


"""
ED25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RSA = ("v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
       "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB")
KEYS = {("brisbane._domainkey.football.example.com", "TXT"): [ED25519], ("test._domainkey.football.example.com", "TXT"): [RSA]}


@pytest.fixture(scope="module")
def names():
    with NameServer(KEYS) as table:
        made = serving.Server(table.settings)
        yield made, table
        made.remove()


def check(names, judge, message, code=0):
    r = names[0].cli("check", judge, "--json", check=False, stdin=message.decode())
    assert r.returncode == code, (r.returncode, r.stdout, r.stderr)
    report = json.loads(r.stdout)
    return [(f["result"], f.get("reason"), {p["name"]: p["value"] for p in f["properties"]}) for f in report["findings"]], [s["text"] for s in report["steps"]]


def test_each_signature_is_told_with_whose_it_is_and_the_key_that_was_asked_for(names):
    for message in (SIGNED, SIGNED.replace(b"\n", b"\r\n")):
        found, steps = check(names, "dkim", message)
        assert [f[0] for f in found] == ["pass", "pass"]
        assert found[0][2] == {"header.d": "football.example.com", "header.s": "brisbane", "header.i": "@football.example.com", "header.a": "ed25519-sha256",
                               "header.b": "/gCrinpc"}
        assert found[1][2]["key bits"] == "1024"
        assert any(s.startswith("TXT of brisbane._domainkey.football.example.com: \"v=DKIM1; k=ed25519;") for s in steps), steps


def test_a_changed_message_fails_with_the_reason(names):
    assert [f[:2] for f in check(names, "dkim", SIGNED.replace(b"hungry", b"angry"))[0]] == [("fail", "the body's hash differs")] * 2
    assert [f[:2] for f in check(names, "dkim", SIGNED.replace(b"Suzie", b"Susan"))[0]] == [("fail", "the signature does not verify")] * 2
    assert check(names, "dkim", b"From: a@b.example\n\nHi\n")[0] == [("none", "the message has no signature", {})]


def test_a_name_server_that_fails_is_75(names):
    with NameServer() as failing:
        failing.failing = {("*", "TXT"): 2}
        r = names[0].cli("check", "dkim", "--json", "--resolver", "127.0.0.1:%d" % failing.port, check=False, stdin=SIGNED.decode())
    assert r.returncode == 75 and [f["result"] for f in json.loads(r.stdout)["findings"]] == ["temperror"] * 2


def test_a_chain_is_told_set_by_set(names, tmp_path):
    key = str(tmp_path / "key.pem")
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", key, "2048"], check=True, stderr=subprocess.DEVNULL)
    public = subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-outform", "DER"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    names[1].records[("s._domainkey.hop.example", "TXT")] = ["v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()]
    assert check(names, "arc", SIGNED)[0] == [("none", "the message has no chain", {"sets": "0"})]
    message = b"Authentication-Results: hop.example; spf=pass smtp.mfrom=joe@football.example.com\r\n" + SIGNED.replace(b"\n", b"\r\n")
    with open(key, "rb") as f:
        private = f.read()
    fields = b"".join(dkim.arc_sign(message, b"s", b"hop.example", private, b"hop.example", linesep=b"\r\n"))
    found, _ = check(names, "arc", fields + message)
    assert found[0] == ("pass", None, {"sets": "1", "header.oldest-pass": "0"})
    assert found[1][0] == "1" and found[1][2]["header.d"] == "hop.example" and "spf=pass" in found[1][2]["results"]
    found, _ = check(names, "arc", fields + message.replace(b"hungry", b"angry"))
    assert found[0][:2] == ("fail", "message signature 1: the body's hash differs")
    found, _ = check(names, "arc", fields[fields.index(b"ARC-Message"):] + message)
    assert found[0][0] == "fail" and found[0][1].startswith("arc-seal is missing")
