"""checkdmarc's reading of DMARC records beside ours, over records good and bad: what differs is listed here, with the reason.

Ours are read by `martlet check dmarc` from a name server of the test's own; checkdmarc has the texts themselves, and nobody to ask.
"""
import json

import pytest
import server as serving
from checkdmarc import dmarc as judge
from nameserver import NameServer

pytestmark = pytest.mark.own

TAGS = ("p", "sp", "np", "adkim", "aspf", "psd", "t")

# Read alike, tag by tag.
GOOD = [
    "v=DMARC1; p=none", "v=DMARC1; p=quarantine", "v=DMARC1; p=reject;", "v=DMARC1;p=reject;sp=none", "v=DMARC1; p=none; sp=reject; np=quarantine",
    "v=DMARC1; p=reject; adkim=s; aspf=s", "v=DMARC1; p=reject; adkim=r; aspf=r", "v=DMARC1; p=reject; psd=y", "v=DMARC1; p=reject; psd=n; t=y",
    "v=DMARC1; p=reject; psd=u; t=n", "v=DMARC1; p=Reject; SP=None", "v=DMARC1; P=REJECT", "v=DMARC1 ; p = reject ; aspf = s", "v=DMARC1; sp=reject; p=none",
    "v=DMARC1; p=reject; fo=1", "v=DMARC1; p=reject; fo=1:d:s", "v=DMARC1; p=reject; pct=50; rf=afrf; ri=3600", "v=DMARC1; p=reject; unknown=x; other=1",
    "v=DMARC1; p=reject; adkim=x", "v=DMARC1; p=reject; aspf=strict", "v=DMARC1; np=reject; p=none",
    "v=DMARC1; p=none; rua=mailto:a@d.example", "v=DMARC1; p=none; rua=mailto:a@d.example,mailto:b@d.example; ruf=mailto:c@d.example",
    "v=DMARC1; p=none; rua=mailto:a@d.example!10m",
]

# No record, for both.
BAD = ["v=DMARC2; p=none", "v=DMARC1.1; p=none", "p=none; v=DMARC1", "v=spf1 -all", "DMARC1; p=none", "v=DMARC1 p=none", "v=dmarc1; p=none"]

# checkdmarc refuses the record as a whole, so that its owner mends it; a receiver has to do something with it. What we make of it: the tags that we read, or
# None where DMARC does not apply.
LENIENT = {
    # RFC 9989 §4.10.1: a policy that cannot be understood is none where reports are asked for; otherwise DMARC does not apply.
    "v=DMARC1; p=oops": None,
    "v=DMARC1; p=oops; rua=mailto:a@d.example": {"p": "none"},
    "v=DMARC1; p=reject; sp=oops; rua=mailto:a@d.example": {"p": "none", "sp": None},
    "v=DMARC1; p=reject; np=oops": None,
    # RFC 9989 §4.7: errors in the rest of a record are passed over in favour of defaults.
    "v=DMARC1; p=reject; psd=maybe": {"p": "reject", "psd": "u"},
    "v=DMARC1; p=reject; t=1": {"p": "reject", "t": "n"},
    "v=DMARC1; p=reject; fo=7": {"p": "reject", "fo": "0"},
    "v=DMARC1; p=reject; nonsense; adkim=s": {"p": "reject", "adkim": "s"},
    # Nothing is said of names that come twice: the first counts.
    "v=DMARC1; p=reject; p=none": {"p": "reject"},
    "v=DMARC1; p=none; rua=not-a-uri": {"p": "none", "rua": None},
}

# checkdmarc reads it as p=none; by §4.10.1 it says no valid policy and asks for no reports, so that DMARC does not apply. Mail is handled alike.
WITHOUT_POLICY = ["v=DMARC1", "v=DMARC1; sp=reject", "v=DMARC1; adkim=s"]


@pytest.fixture(scope="module")
def ours():
    """Reads one record after another."""
    with NameServer() as table:
        made = serving.Server(table.settings)
        count = iter(range(10_000))

        def read(record):
            domain = "r%d.example" % next(count)
            table.records[("_dmarc." + domain, "TXT")] = [record]
            r = made.cli("check", "dmarc", "--json", stdin="From: a@%s\r\n\r\n" % domain)
            finding, = [f for f in json.loads(r.stdout)["findings"] if f["method"] == "dmarc"]
            return finding["result"], {p["name"]: p["value"] for p in finding["properties"]}

        yield read
        made.remove()


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """checkdmarc asks nobody whether a mailbox takes reports."""
    monkeypatch.setattr(judge, "verify_dmarc_report_destination", lambda *_, **__: None)
    monkeypatch.setattr(judge, "get_mx_records", lambda *_, **__: [{"hostname": "mx.d.example", "preference": 10}])


def theirs(record):
    return judge.parse_dmarc_record(record, "d.example")["tags"]


@pytest.mark.parametrize("record", GOOD)
def test_good_records_are_read_alike(ours, record):
    result, read = ours(record)
    judged = theirs(record)
    assert result == "fail"
    for tag in TAGS:
        if tag in read or judged[tag]["explicit"]:
            assert read[tag] == judged[tag]["value"], tag
    for tag in ("rua", "ruf"):
        wanted = [u["scheme"] + ":" + u["address"] for u in judged[tag]["value"]] if tag in judged else []
        assert (read[tag].split(",") if tag in read else []) == wanted


@pytest.mark.parametrize("record", BAD)
def test_what_is_no_record_is_none_for_both(ours, record):
    assert ours(record)[0] == "none"
    with pytest.raises(judge.DMARCError):
        theirs(record)


@pytest.mark.parametrize("record", LENIENT)
def test_what_checkdmarc_refuses_is_read_as_the_rfc_has_it(ours, record):
    result, read = ours(record)
    wanted = LENIENT[record]
    assert result == ("none" if wanted is None else "fail")
    for tag, value in (wanted or {}).items():
        assert read.get(tag) == value, tag
    with pytest.raises(judge.DMARCError):
        theirs(record)


@pytest.mark.parametrize("record", WITHOUT_POLICY)
def test_a_record_without_a_policy_applies_to_nothing(ours, record):
    assert ours(record)[0] == "none"
    assert theirs(record)["p"] == {"value": "none", "explicit": False}
