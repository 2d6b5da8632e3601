"""`martlet check`: the judges run by hand against name servers of the test's own."""
import json

import pytest
import server as serving
from nameserver import NameServer
from zones import Zones, needed, zone

pytestmark = [pytest.mark.own, needed]

ZONES = {
    "policy.example": zone("policy.example", """
        @ IN TXT "v=spf1 include:_spf.policy.example exists:%{i}.%{l}.ok.policy.example -all exp=why.policy.example"
        _spf IN TXT "v=spf1 ip4:192.0.2.0/28 a:gone.policy.example"
        why IN TXT "%{i} may not send for %{d}"
        192.0.2.99.a+b.ok IN A 127.0.0.2
        mail IN TXT "v=spf1 a -all"
        mail IN A 192.0.2.77
        broken IN TXT "v=spf1 moo -all"
        _mta-sts IN TXT "v=STSv1; id=20261129"
        hostile IN TXT "v=spf1 include:\\027[2Jx\\010y.example -all" """),
    "signed.example": zone("signed.example", """
        @ IN MX 10 mx
        @ IN MX 20 bare
        mx IN A 192.0.2.1
        bare IN A 192.0.2.2
        _25._tcp.mx IN TLSA 3 1 1 """ + "ab" * 32 + """
        _2525._tcp.mx IN TLSA 2 0 1 """ + "cd" * 32),
    "plain.example": zone("plain.example", """
        @ IN MX 10 mx
        mx IN A 192.0.2.1
        _25._tcp.mx IN TLSA 3 1 1 """ + "ab" * 32),
}


@pytest.fixture(scope="module")
def names():
    """A configuration whose names are ours; no server runs."""
    with Zones(ZONES, signed=["signed.example"]) as zones:
        made = serving.Server(zones.settings)
        yield made
        made.remove()


def check(names, *words, code=0):
    r = names.cli("check", *words, "--json", check=False)
    assert r.returncode == code, (r.returncode, r.stdout, r.stderr)
    return json.loads(r.stdout) if r.stdout else r.stderr


def found(report, place=0):
    finding = report["findings"][place]
    return {"method": finding["method"], "result": finding["result"], "reason": finding.get("reason"),
            **{p["name"]: p["value"] for p in finding["properties"]}}


def steps(report):
    return [s["text"] for s in report["steps"]]


def test_spf_says_which_term_decided_and_how_it_came_about(names):
    report = check(names, "spf", "--ip", "192.0.2.9", "--from", "a@policy.example", "--helo", "mail.policy.example")
    assert found(report) == {"method": "spf", "result": "pass", "reason": None, "smtp.mailfrom": "a@policy.example", "domain": "policy.example",
                             "decided by": "include:_spf.policy.example"}
    assert found(report, 1)["result"] == "fail" and found(report, 1)["smtp.helo"] == "mail.policy.example"
    told = steps(report)
    # Each record once.
    assert told[0].startswith("TXT of policy.example: v=spf1 include:") and len([s for s in told if "v=spf1 include:" in s]) == 1
    assert "ip4:192.0.2.0/28 matches" in told and "include:_spf.policy.example matches" in told
    assert [s["depth"] for s in report["steps"]][:4] == [0, 1, 1, 0]


def test_spf_asks_for_names_that_no_host_has(names):
    report = check(names, "spf", "--ip", "192.0.2.99", "--from", "a+b@policy.example")
    assert found(report)["result"] == "pass" and found(report)["decided by"].startswith("exists:"), report
    assert "A of 192.0.2.99.a+b.ok.policy.example: 127.0.0.2" in steps(report)
    report = check(names, "spf", "--ip", "192.0.2.99", "--from", "x y@policy.example")
    assert found(report)["result"] == "fail" and found(report)["explanation"] == "192.0.2.99 may not send for policy.example"
    assert "A of 192.0.2.99.x\\032y.ok.policy.example: there is no such name" in steps(report)


def test_spf_records_in_error_and_domains_without(names):
    assert "\"moo\" is no term" in found(check(names, "spf", "--ip", "192.0.2.1", "--from", "broken.policy.example"))["reason"]
    assert found(check(names, "spf", "--ip", "192.0.2.1", "--from", "a@signed.example"))["result"] == "none"
    assert found(check(names, "spf", "--ip", "192.0.2.1", "--from", "", "--helo", "mail.policy.example"))["smtp.mailfrom"] == "postmaster@mail.policy.example"
    assert found(check(names, "spf", "--ip", "192.0.2.1", "--from", "a@hostile.policy.example"))["result"] == "permerror"


def test_text_holds_nothing_that_moves_a_cursor(names):
    said = names.cli("check", "spf", "--ip", "192.0.2.1", "--from", "a@hostile.policy.example").stdout
    assert said.startswith("spf: permerror (") and "\x1b" not in said and "?[2Jx?y.example" in said, said


def test_dane_tells_what_is_proved_and_what_is_demanded(names):
    report = check(names, "dane", "signed.example")
    assert found(report) == {"method": "dane", "result": "demanded", "reason": None, "host": "mx.signed.example", "preference": "10",
                             "exchangers proved": "yes", "address proved": "yes", "certificate": "fits one of: 3 1 1 " + "ab" * 32}
    assert found(report, 1)["host"] == "bare.signed.example" and found(report, 1)["result"] == "nothing demanded"
    assert "TLSA of _25._tcp.mx.signed.example: 3 1 1 %s, proved by DNSSEC" % ("ab" * 32) in steps(report)
    other = found(check(names, "dane", "mx.signed.example:2525"))
    assert other["result"] == "demanded" and other["certificate"].endswith("cd; for mx.signed.example"), other
    plain = check(names, "dane", "plain.example")
    assert found(plain)["result"] == "nothing demanded" and found(plain)["exchangers proved"] == "no"
    assert not any("TLSA" in s for s in steps(plain))
    gone = found(check(names, "dane", "gone.signed.example"))
    assert gone["result"] == "none" and gone["reason"], gone


def test_mta_sts_without_a_record_and_without_a_policy(names):
    assert found(check(names, "mta-sts", "plain.example"))["result"] == "none"
    failed = found(check(names, "mta-sts", "policy.example", code=75))
    assert failed["result"] == "temperror" and failed["id"] == "20261129" and "mta-sts.policy.example" in failed["policy at"] and failed["reason"], failed


def test_who_is_asked_may_be_named(names):
    with NameServer({("policy.example", "TXT"): ["v=spf1 ip4:192.0.2.200"]}) as other:
        report = check(names, "spf", "--ip", "192.0.2.200", "--from", "policy.example", "--resolver", "127.0.0.1:%d" % other.port)
    assert found(report)["decided by"] == "ip4:192.0.2.200"
    for words in (["spf", "--ip", "192.0.2.9"], ["spf", "--ip", "nobody", "--helo", "x"], ["spf", "--ip", "192.0.2.9", "--helo", "x", "--resolver", "x:1"],
                  ["dane", "a.example:x"]):
        assert check(names, *words, code=64).startswith("martlet: ")
    assert check(names, "dane", "[192.0.2.1]", code=65).startswith("martlet: ")


def test_nobody_to_ask_is_75(names):
    # A port that nothing listens at.
    report = check(names, "spf", "--ip", "192.0.2.9", "--from", "policy.example", "--resolver", "127.0.0.1:1", code=75)
    assert found(report)["result"] == "temperror"
