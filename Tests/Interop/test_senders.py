"""Who sent what other servers bring: judged by SPF, DKIM and DMARC, with a DNS of our own, and done with as its author's domain wishes."""
import subprocess

import dkim
import pytest
import server as serving
from conftest import Account
from nameserver import SERVFAIL, NameServer
from peers import needs
from wire import SMTP

pytestmark = [pytest.mark.own, needs("openssl")]

#: Where mail comes from: allowed by the domains' SPF, and not.
ALLOWED, OTHER = "127.0.0.2", "127.0.0.3"
POLICIES = {"none": "none", "quarantine": "quarantine", "reject": "reject"}


@pytest.fixture(scope="module")
def key():
    secret = subprocess.run(["openssl", "genrsa", "2048"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "PEM"], input=secret, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            check=True).stdout
    return secret, "".join(public.decode().splitlines()[1:-1])


@pytest.fixture(scope="module")
def names(key):
    records = {}
    for name, policy in POLICIES.items():
        domain = name + ".example"
        records[domain, "TXT"] = ["v=spf1 ip4:%s -all" % ALLOWED]
        records[domain, "MX"] = [(10, "mx." + domain)]
        records["_dmarc." + domain, "TXT"] = ["v=DMARC1; p=%s" % policy]
        records["s1._domainkey." + domain, "TXT"] = ["v=DKIM1; k=rsa; p=" + key[1]]
    records["bare.example", "TXT"] = ["unrelated"]
    records["excluding.example", "TXT"] = ["v=spf1 -all"]
    with NameServer(records) as server:
        server.ttl = 0
        yield server


@pytest.fixture(scope="module")
def judging(names):
    with serving.Server({**names.settings, "hostname": "mx.ours.example", "trust.enabled": True, "trust.exempt": []}) as s:
        s.make("postmaster", "ann").start()
        yield s


def signed(key, domain, message):
    return dkim.sign(message, b"s1", domain.encode(), key[0], include_headers=[b"from", b"subject"]) + message


def letter(sender, subject="hello", extra="", body="Hello.\r\n"):
    return ("%sFrom: %s\r\nTo: ann@example.test\r\nSubject: %s\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s@x.example>\r\n\r\n%s" % (
        extra, sender, subject, subject.replace(" ", "-"), body)).encode()


def bring(server, message, sender, source=OTHER, hello="client.example", to="ann"):
    """What the server answers to the text, or before: `250 2.0.0 …`."""
    with SMTP(server.host, server.port("smtp"), source=source, ehlo=False) as smtp:
        smtp.ehlo(hello)
        return "%d %s" % smtp.deliver(sender, [server.address(to)], message)


def found(server, subject, mailbox):
    """The message of that subject in Ann's mailbox; None: it is not there."""
    for body in Account(server, "ann").bodies(mailbox).values():
        if ("\r\nSubject: %s\r\n" % subject).encode() in body:
            return body
    return None


def results(body, name=b"mx.ours.example"):
    """Our Authentication-Results, unfolded: all there are."""
    header = body.split(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    return [line for line in header.split(b"\r\n") if line.lower().startswith(b"authentication-results: " + name)]


def test_who_is_who_they_say(judging, key):
    """SPF, DKIM and DMARC pass; forged results of ours are gone, others' stay."""
    forged = "Authentication-Results: mx.ours.example; dmarc=pass header.from=bank.example\r\nAuthentication-Results: other.example; spf=pass\r\n"
    message = signed(key, "reject.example", letter("bob@reject.example", "all pass", extra=forged))
    assert bring(judging, message, "bob@reject.example", ALLOWED).startswith("250")
    body = found(judging, "all pass", "INBOX")
    ours = results(body)
    assert len(ours) == 1, ours
    for word in (b"spf=pass", b"smtp.mailfrom=", b"dkim=pass", b"header.d=reject.example", b"dmarc=pass", b"header.from=reject.example"):
        assert word in ours[0], (word, ours)
    assert b"bank.example" not in body and len(results(body, b"other.example")) == 1


@pytest.mark.parametrize("source, sign", [(ALLOWED, False), (OTHER, True)])
def test_one_proof_is_enough(judging, key, source, sign):
    subject = "one proof %s" % sign
    message = letter("bob@reject.example", subject)
    assert bring(judging, signed(key, "reject.example", message) if sign else message, "bob@reject.example", source).startswith("250")
    assert b"dmarc=pass" in results(found(judging, subject, "INBOX"))[0]


def test_a_policy_of_reject(judging):
    reply = bring(judging, letter("bob@reject.example", "refused"), "x@evil.example")
    assert reply.startswith("550 5.7.1") and "reject.example" in reply, reply
    assert found(judging, "refused", "INBOX") is None and found(judging, "refused", "Junk") is None


def test_what_came_by_a_list_is_junk_not_refused(judging):
    message = letter("bob@reject.example", "by a list", extra="List-Id: <list.other.example>\r\n")
    assert bring(judging, message, "list-bounces@other.example").startswith("250")
    assert found(judging, "by a list", "INBOX") is None
    assert b"dmarc=fail" in results(found(judging, "by a list", "Junk"))[0]


def test_what_was_changed_after_it_was_signed(judging, key):
    message = signed(key, "reject.example", letter("bob@reject.example", "changed")) + b"A footer.\r\n"
    assert bring(judging, message, "x@other.example").startswith("250")
    assert b"dkim=fail" in results(found(judging, "changed", "Junk"))[0]


def test_policies_of_quarantine_and_none(judging):
    for name, mailbox in (("quarantine", "Junk"), ("none", "INBOX")):
        assert bring(judging, letter("bob@%s.example" % name, "policy " + name), "x@other.example").startswith("250")
        assert b"dmarc=fail" in results(found(judging, "policy " + name, mailbox))[0]


def test_without_any_policy(judging):
    assert bring(judging, letter("bob@bare.example", "bare"), "bob@bare.example").startswith("250")
    assert b"dmarc=none" in results(found(judging, "bare", "INBOX"))[0]
    assert bring(judging, letter("bob@bare.example", "excluded"), "x@excluding.example").startswith("250")
    assert b"spf=fail" in results(found(judging, "excluded", "Junk"))[0]


@pytest.mark.parametrize("name, sender", [
    ("two fields", "a@none.example\r\nFrom: b@reject.example"), ("two addresses", "a@none.example, b@reject.example"),
    ("address in angles and out", "<a@none.example>b@reject.example"), ("two in angles", "<a@none.example>, <b@reject.example>"),
    ("a group", "g: a@none.example, b@reject.example;"), ("a route", "<@none.example:b@reject.example>"),
    ("a comment between", "a@reject(x).example"), ("an encoded word for an address", "=?utf-8?q?b=40reject=2Eexample?="),
])
def test_lookalikes(judging, name, sender):
    """What is judged is what is shown: where that is not one thing, or the worst of it fails, the message is refused."""
    reply = bring(judging, letter(sender, name), "x@evil.example")
    held = found(judging, name, "Junk")
    assert reply.startswith("550 5.7.1") or (reply.startswith("250") and held is not None and found(judging, name, "INBOX") is None), reply


@pytest.mark.parametrize("domain", ["reject\u3002example", "reject\uff0eexample", "\uff52eject.example", "\u24e1eject.example", "reject.example\u3002"])
def test_names_that_are_shown_as_others(judging, domain):
    """What IDNA2008 disallows, programs for people map (UTS 46): nobody can say whose mail it is."""
    with SMTP(judging.host, judging.port("smtp"), source=OTHER) as smtp:
        code, text = smtp.deliver("x@evil.example", [judging.address("ann")], letter("b@" + domain, "shown"), "SMTPUTF8 BODY=8BITMIME")[:2]
    assert code == 550 and "5.7.1" in str(text), (code, text)


def test_whose_picture_it_is_says_nobody_but_us(judging, key):
    extra = "BIMI-Indicator: PHN2Zz4=\r\nBIMI-Location: v=BIMI1; l=https://evil.example/a.svg\r\n"
    assert bring(judging, signed(key, "reject.example", letter("bob@reject.example", "picture", extra)), "bob@reject.example", ALLOWED).startswith("250")
    body = found(judging, "picture", "INBOX")
    assert body is not None and b"bimi-" not in body.lower()
    both = letter("bob@reject.example, a@bare.example", "pictures")
    assert bring(judging, signed(key, "reject.example", both), "bob@reject.example", ALLOWED).startswith("250")
    assert b"bimi=none" in results(found(judging, "pictures", "INBOX"))[0]


def test_a_list_is_known_by_what_lists_write(judging):
    for number, (field, code) in enumerate([("List-Post: <mailto:a@b.example>", "250"), ("Mailing-List: list a@b.example", "250"),
                                            ("List-Unsubscribe: <mailto:a@b.example>", "550"), ("Precedence: list", "550")]):
        assert bring(judging, letter("bob@reject.example", "field %d" % number, field + "\r\n"), "x@evil.example").startswith(code), field


def test_the_name_of_hello_proves_nothing_of_from(judging):
    """CVE-2019-20790: HELO passes SPF, MAIL FROM does not."""
    reply = bring(judging, letter("bob@reject.example", "by hello"), "bob@reject.example", OTHER, hello="reject.example")
    assert reply.startswith("550 5.7.1"), reply


def test_dns_that_fails(judging, names):
    domain = "trouble.example"
    names.records[domain, "TXT"] = ["v=spf1 -all"]
    names.failing["_dmarc." + domain, "TXT"] = SERVFAIL
    try:
        assert bring(judging, letter("bob@" + domain, "in trouble"), "bob@" + domain).startswith("451 4.7.0")
        assert found(judging, "in trouble", "INBOX") is None
    finally:
        del names.failing["_dmarc." + domain, "TXT"]


def test_our_users_are_not_judged(judging):
    ann = Account(judging, "ann")
    with SMTP(judging.host, judging.port("submissions"), tls=True, source=OTHER) as smtp:
        assert smtp.auth_plain(ann.user, ann.password)[0] == 235
        assert smtp.deliver(ann.address, [ann.address], letter(ann.address, "own"))[0] == 250
    assert results(found(judging, "own", "INBOX")) == []
