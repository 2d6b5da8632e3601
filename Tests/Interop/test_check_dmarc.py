"""`martlet check dmarc`: all judges of a message's origin run by hand, over messages that dkimpy signed, against a name server of the test's own."""
import base64
import json
import subprocess

import dkim
import pytest
import server as serving
from nameserver import NameServer

pytestmark = pytest.mark.own


@pytest.fixture(scope="module")
def key():
    """A private key and its record."""
    private = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=private, capture_output=True, check=True).stdout
    return private, "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()


@pytest.fixture(scope="module")
def names(key):
    """A configuration that asks a name server of ours; no server runs. The name server stands behind `names.table`."""
    records = {
        ("_dmarc.strict.example", "TXT"): ["v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:r@strict.example!5m"],
        ("_dmarc.policy.example", "TXT"): ["v=DMARC1; p=reject; sp=quarantine; np=reject; fo=1"],
        ("_dmarc.test.example", "TXT"): ["v=DMARC1; p=quarantine; t=y"],
        ("_dmarc.broken.example", "TXT"): ["v=DMARC1; p=oops"],
        ("policy.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
        ("strict.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
        ("mail.policy.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
        ("mail.policy.example", "A"): ["198.18.0.1"],
        ("evil.example", "TXT"): ["v=spf1 +all"],
        ("1.0.18.198.in-addr.arpa", "PTR"): ["mail.policy.example"],
        ("default._bimi.policy.example", "TXT"): ["v=BIMI1; l=https://policy.example/a.svg"],
        **{("s1._domainkey.%s" % d, "TXT"): [key[1]] for d in ("policy.example", "strict.example", "news.policy.example", "evil.example")},
    }
    with NameServer(records) as table:
        made = serving.Server(table.settings)
        made.table = table
        yield made
        made.remove()


def message(author, to="a@b.example", more=""):
    return ("From: %s\r\nTo: %s\r\n%sSubject: test\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@policy.example>\r\n\r\nHello\r\n" % (
        author, to, more))


def signed(text, domain, key):
    octets = text.encode()
    return (dkim.sign(octets, b"s1", domain.encode(), key[0], include_headers=[b"From", b"To", b"Subject"]) + octets).decode()


def check(names, text, *words, code=0):
    r = names.cli("check", "dmarc", *words, "--json", stdin=text, check=False)
    assert r.returncode == code, (r.returncode, r.stdout, r.stderr)
    return json.loads(r.stdout) if r.stdout else r.stderr


def found(report, method):
    """The findings of a judge."""
    return [{"result": f["result"], "reason": f.get("reason"), **{p["name"]: p["value"] for p in f["properties"]}}
            for f in report["findings"] if f["method"] == method]


def test_everything_passes_and_says_how(names, key):
    report = check(names, signed(message("Alice <a@policy.example>"), "policy.example", key), "--ip", "192.0.2.1", "--helo", "mail.policy.example",
                   "--from", "bounce@policy.example")
    assert found(report, "from") == [{"result": "clear", "reason": None, "domains": "policy.example"}]
    assert found(report, "spf")[0]["result"] == "pass"
    assert (found(report, "dkim")[0]["result"], found(report, "dkim")[0]["header.d"], found(report, "dkim")[0]["key bits"]) == ("pass", "policy.example", "2048")
    dmarc, = found(report, "dmarc")
    assert dmarc["result"] == "pass" and dmarc["spf aligned"] == dmarc["dkim aligned"] == "yes" and dmarc["policy.dmarc"] == "reject"
    assert found(report, "bimi")[0]["indicator"] == "https://policy.example/a.svg" and found(report, "bimi")[0]["result"] == "skipped"
    field = found(report, "field")[0]["value"]
    assert " dmarc=pass (p=reject sp=quarantine np=reject) header.from=policy.example" in field and " spf=pass smtp.mailfrom=bounce@policy.example;" in field
    assert any(s["text"].startswith("TXT of _dmarc.policy.example: \"v=DMARC1;") for s in report["steps"]), report["steps"]
    # Lines of a file that end with LF are those of the message.
    assert found(check(names, signed(message("a@policy.example"), "policy.example", key).replace("\r\n", "\n")), "dmarc")[0]["result"] == "pass"


def test_the_clients_name_is_told(names):
    # unbound itself says that 192.0.2.0/24 has no names.
    report = check(names, message("a@policy.example"), "--ip", "198.18.0.1")
    assert found(report, "iprev") == [{"result": "pass", "reason": None, "policy.iprev": "198.18.0.1", "name": "mail.policy.example"}]
    assert " iprev=pass policy.iprev=198.18.0.1 policy.ptr=mail.policy.example;" in found(report, "field")[0]["value"]


def test_strict_alignment_wants_the_same_name(names, key):
    report = check(names, signed(message("a@strict.example"), "policy.example", key), "--ip", "192.0.2.1", "--from", "a@policy.example")
    dmarc, = found(report, "dmarc")
    assert dmarc["result"] == "fail" and dmarc["adkim"] == "s" and dmarc["rua"] == "mailto:r@strict.example!5m" and "policy.example" in dmarc["reason"]
    assert found(check(names, signed(message("a@strict.example"), "strict.example", key)), "dmarc")[0]["result"] == "pass"


def test_subdomains_by_sp_and_np(names, key):
    there, = found(check(names, message("a@mail.policy.example")), "dmarc")
    assert (there["result"], there["policy.dmarc"], there["record at"]) == ("fail", "quarantine", "policy.example")
    gone, = found(check(names, message("a@gone.policy.example")), "dmarc")
    assert (gone["result"], gone["policy.dmarc"]) == ("fail", "reject")
    related, = found(check(names, signed(message("a@mail.policy.example"), "news.policy.example", key)), "dmarc")
    assert related["result"] == "pass" and related["organization"] == "policy.example"


def test_a_policy_that_is_tested_and_one_that_is_none(names):
    tested, = found(check(names, message("a@test.example")), "dmarc")
    assert (tested["result"], tested["p"], tested["policy.dmarc"], tested["t"]) == ("fail", "quarantine", "none", "y")
    assert found(check(names, message("a@broken.example")), "dmarc")[0]["result"] == "none"
    assert found(check(names, message("a@nothing.example")), "dmarc")[0]["reason"] == "no DMARC record"


def test_a_signature_that_does_not_fit_vouches_for_nothing(names, key):
    changed = signed(message("a@policy.example"), "policy.example", key).replace("Hello", "Hallo")
    report = check(names, changed, "--ip", "192.0.2.66", "--from", "a@evil.example")
    assert found(report, "spf")[0]["result"] == "pass" and found(report, "dkim")[0]["result"] == "fail"
    assert found(report, "dmarc")[0]["result"] == "fail" and "evil.example" in found(report, "dmarc")[0]["reason"]


def test_helo_vouches_with_the_null_reverse_path_alone(names):
    null, = found(check(names, message("a@policy.example"), "--ip", "192.0.2.1", "--helo", "mail.policy.example"), "dmarc")
    assert null["result"] == "pass" and null["spf aligned"] == "yes"
    other, = found(check(names, message("a@policy.example"), "--ip", "192.0.2.1", "--helo", "mail.policy.example", "--from", "a@evil.example"), "dmarc")
    assert other["result"] == "fail" and other["spf aligned"] == "no"


@pytest.mark.parametrize("author", [
    "<a@evil.example>\r\nFrom: <admin@policy.example>", "<a@evil.example>\r\nFrom : <admin@policy.example>", "<@evil.example:admin@policy.example>",
    "<a@evil.example>admin@policy.example", "<admin@policy.example>\\,<a@evil.example>", "=?utf-8?B?PGFkbWluQHBvbGljeS5leGFtcGxlPg==?=,<a@evil.example>",
    "<admin@policy\u3002example>", "<admin@policy\uff0eexample>", "<admin@\uff50olicy.example>", "<admin@\u24dfolicy.example>", "<admin@policy.example\u3002>"])
def test_who_is_unclear_is_judged_by_nobody(names, key, author):
    report = check(names, signed(message(author), "evil.example", key), "--ip", "192.0.2.66", "--from", "a@evil.example")
    assert found(report, "from")[0]["result"] == "unclear" and found(report, "from")[0]["reason"] and not found(report, "dmarc")


def test_every_author_is_judged(names, key):
    report = check(names, signed(message("<a@evil.example>, <admin@policy.example>"), "evil.example", key))
    assert [(d["header.from"], d["result"]) for d in found(report, "dmarc")] == [("evil.example", "none"), ("policy.example", "fail")]
    assert found(report, "bimi")[0]["result"] == "none"


def test_who_does_not_answer_is_no_verdict(names):
    names.table.failing[("_dmarc.ill.example", "TXT")] = 2
    dmarc, = found(check(names, message("a@ill.example"), code=75), "dmarc")
    assert dmarc["result"] == "temperror" and "_dmarc.ill.example" in dmarc["reason"]


def test_options_that_make_no_sense(names):
    assert check(names, message("a@policy.example"), "--ip", "x", code=64).startswith("martlet: ")
    assert check(names, message("a@policy.example"), "--trust", "[192.0.2.1]", code=65).startswith("martlet: ")
    assert found(check(names, ""), "from")[0]["result"] == "none"


@pytest.mark.parametrize("words", [["--from", "a@evil.example"], ["--helo", "mail.evil.example"]])
def test_who_sends_is_nothing_without_an_address(names, words):
    assert "--ip" in check(names, message("a@policy.example"), *words, code=64)
