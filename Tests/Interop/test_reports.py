"""Reports between mail servers: others' come by SMTP and are read; ours have the form that RFC 9990 and RFC 8460 give."""
import base64
import email
import email.policy
import gzip
import io
import json
import os
import re
import zipfile
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
import server as serving
from nameserver import NameServer
from wire import SMTP

pytestmark = pytest.mark.own

SAMPLES = os.path.join(serving.ROOT, "Tests", "Reports")
TO = "dmarc-reports@" + serving.DOMAIN
#: The samples are on this day; what is sent is on yesterday.
THEN = datetime(2026, 11, 28, tzinfo=timezone.utc)
YESTERDAY = (datetime.now(timezone.utc) - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def sample(name, identity=None):
    with open(os.path.join(SAMPLES, name), "rb") as f:
        content = f.read()
    shift = int((YESTERDAY - THEN).total_seconds())
    content = re.sub(rb"1795\d{6}", lambda m: b"%d" % (int(m[0]) + shift), content)
    content = content.replace(b"2026-11-28T", YESTERDAY.strftime("%Y-%m-%dT").encode())
    return content.replace(b"1234567890123456789", identity or b"1234567890123456789")


def zipped(content, name="report.xml"):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, content)
    return archive.getvalue()


def message(content, kind="application/octet-stream", name="report"):
    text = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return (b"From: reporter@reporter.example\r\nTo: %s\r\nSubject: Report Domain: %s\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHere it is.\r\n--b\r\n"
            b"Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"%s\"\r\n\r\n%s\r\n--b--\r\n" % (
                TO.encode(), serving.DOMAIN.encode(), kind.encode(), name.encode(), text))


@pytest.fixture(scope="module")
def world():
    server = serving.Server().make("alice").start()
    yield server
    server.stop()


def bring(server, data, to=TO):
    with SMTP(server.host, server.port("smtp")) as smtp:
        return smtp.deliver("reporter@reporter.example", [to], data)


def reports(server, *arguments):
    return json.loads(server.cli("reports", *arguments, "--json").stdout)


def settled(server):
    """Nothing waits any more."""
    assert serving.until(lambda: json.loads(server.cli("queue", "list", "--json").stdout) == [], 60)


def read(server, *data, to=TO):
    for one in data:
        code, said = bring(server, one, to)
        assert code == 250, said
    settled(server)


def test_a_report_that_comes_by_smtp_is_shown_by_domain_day_source_and_verdict(world):
    read(world, message(gzip.compress(sample("google.xml")), "application/gzip", "google.com!example.test!1!2.xml.gz"))
    found, = [r for r in reports(world) if r["reporter"] == "google.com"]
    assert (found["domain"], found["date"], found["id"]) == (serving.DOMAIN, YESTERDAY.strftime("%Y-%m-%d"), "1234567890123456789")
    assert [(r["source"], r["count"], r["disposition"], r["dkim"], r["spf"]) for r in found["mail"]] == [
        ("192.0.2.10", 12, "none", "pass", "pass"), ("2001:db8::5", 3, "none", "fail", "fail")]
    text = world.cli("reports", "dmarc", "--domain", serving.DOMAIN, "--failing").stdout
    assert "2001:db8::5  3 messages: none, dkim fail, spf fail  by google.com (not proved)" in text and "192.0.2.10" not in text
    assert reports(world, "--domain", "other.example") == []
    # Once more, and again after a start: it is known.
    read(world, message(sample("google.xml"), "text/xml", "x.xml"))
    assert len([r for r in reports(world) if r["reporter"] == "google.com"]) == 1
    world.restart()
    assert len([r for r in reports(world) if r["reporter"] == "google.com"]) == 1


@pytest.mark.parametrize("kind,name", [("application/gzip", "a.xml.gz"), ("application/zip", "a.zip"), ("text/plain", "a.txt"), ("image/png", "a.png")])
def test_types_and_names_lie(world, kind, name):
    forms = {b"plain": lambda c: c, b"gzip": gzip.compress, b"zip": zipped, b"both": lambda c: zipped(gzip.compress(c), "report.xml.gz")}
    data = {b"%s-%s" % (form, name.encode()): message(make(sample("google.xml", b"%s-%s" % (form, name.encode()))), kind, name)
            for form, make in forms.items()}
    read(world, *data.values())
    ids = {r["id"].encode() for r in reports(world)}
    assert set(data) <= ids


def test_reports_as_large_providers_write_them(world):
    read(world, message(zipped(sample("yahoo.xml"))), message(gzip.compress(sample("microsoft.xml"))), message(sample("rfc9990.xml")))
    found = {r["reporter"]: r for r in reports(world)}
    assert found["Yahoo"]["mail"][0]["dkim"] == "pass" and found["Enterprise Outlook"]["mail"][0]["disposition"] == "reject"
    assert found["Receiver & Sons"]["mail"][0]["count"] == 123


def test_reports_on_tls(world):
    read(world, message(gzip.compress(sample("google-tls.json")), "application/tlsrpt+gzip", "x.json.gz"), message(sample("microsoft-tls.json"), "application/tlsrpt+json"),
         to="tls-reports@" + serving.DOMAIN)
    found = {r["reporter"]: r["tls"] for r in reports(world, "tls")}
    assert [(r["failure"], r["count"]) for r in found["Google Inc."]] == [("", 40), ("validation-failure", 2), ("certificate-expired", 1)]
    assert [(r["policy"], r["failure"], r["count"]) for r in found["Microsoft Corporation"]] == [
        ("no-policy-found", "", 7), ("tlsa", "", 1), ("tlsa", "unspecified", 2)]


def test_bombs_and_rubbish_are_taken_and_dropped_and_nobody_is_told(world):
    before = len(reports(world))
    start = len(world.log_text())
    big = b"<feedback>" + b"<record><row><count>1</count></row></record>" * 250000 + b"</feedback>"
    assert len(big) > 10 << 20
    bombs = {"too large": gzip.compress(b" " * (200 << 20)), "packed in it is too large": zipped(b"<" * (100 << 20)), "lie too deep": b"<feedback>" + b"<a>" * 100000,
             "declares a document type": b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><feedback>&d;</feedback>', "holds more than": big, "do not close as they opened": b"<feedback><a></b>",
             "JSON that is no report": b"{\"policies\":" + b"[" * 1000000, "nothing that looks like": b"Hello", "over and over": gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x"))))}
    read(world, *[message(content) for content in bombs.values()])
    text = world.log_with("over and over", start)
    for reason in bombs:
        assert reason in text, reason
    assert len(reports(world)) == before and world.alive()
    read(world, message(sample("google.xml", b"after-the-bombs")))
    assert len(reports(world)) == before + 1


def test_what_one_server_judges_is_told_to_the_domains_own_server_and_shown_there():
    reported = "reported.example"
    records = {(reported, "TXT"): ["v=spf1 ip4:127.0.0.2 -all"],
               ("_dmarc." + reported, "TXT"): ["v=DMARC1; p=none; rua=mailto:small@%s!10,mailto:dmarc-reports@%s!10m" % (reported, reported)]}
    with NameServer(records) as names, serving.Server() as there:
        there.make("postmaster").cli("domain", "add", reported)
        there.start()
        with serving.Server({"trust.enabled": True, "trust.exempt": [], "outbound.enabled": True, "outbound.destinations": ["there *"],
                             "outbound.routes": ["there 127.0.0.1:%d private" % there.port("smtp")], **names.settings}) as here:
            here.make("postmaster", "ann").start()
            for number, source in enumerate(["127.0.0.2", "127.0.0.3", "127.0.0.2"]):
                with SMTP(here.host, here.port("smtp"), source=source) as smtp:
                    code, said = smtp.deliver("bob@" + reported, [here.address("ann")], b"From: bob@%s\r\nTo: ann@example.test\r\nSubject: %d\r\n\r\nHi.\r\n" % (
                        reported.encode(), number))
                    assert code == 250, said
            here.restart_tomorrow()
            assert serving.until(lambda: reports(there), 60), here.log_text()[-3000:]
            settled(here)
            found = reports(there)
            assert {(r["domain"], r["reporter"]) for r in found} == {(reported, serving.DOMAIN)}
            counts = {}
            for row in (row for r in found for row in r["mail"]):
                key = row["source"], row["headerFrom"], row["spf"], row["dkim"]
                counts[key] = counts.get(key, 0) + row["count"]
            assert counts == {("127.0.0.2", reported, "pass", "fail"): 2, ("127.0.0.3", reported, "fail", "fail"): 1}
            # Once, whoever starts again.
            count = len(found)
            here.restart()
            settled(here)
            assert len(reports(there)) == count and here.log_text().count("A report is on its way") == count
        text = there.cli("reports", "--domain", reported).stdout
        assert "127.0.0.2  2 messages" in text and "127.0.0.3  1 message" in text


def test_the_records_of_a_domain_name_the_addresses(world):
    text = world.cli("dns", "records", serving.DOMAIN).stdout
    assert "rua=mailto:dmarc-reports@example.test" in text and "rua=mailto:tls-reports@example.test" in text


def part(name):
    with open(os.path.join(SAMPLES, name), "rb") as f:
        letter = email.message_from_bytes(f.read(), policy=email.policy.default)
    attachment, = [p for p in letter.walk() if p.get_content_disposition() == "attachment"]
    return letter, attachment, gzip.decompress(attachment.get_payload(decode=True))


def test_ours_on_mail_has_the_elements_of_the_schema_in_their_order():
    """What `ReportSenderTests` says we send."""
    letter, attachment, xml = part("ours.eml")
    assert re.fullmatch(r"Report Domain: a\.example Submitter: example\.test Report-ID: <[0-9a-f]{32}>", letter["Subject"])
    assert attachment.get_content_type() == "application/gzip" and re.fullmatch(r"example\.test!a\.example!\d+!\d+![0-9a-f]{32}\.xml\.gz", attachment.get_filename())
    space = "{urn:ietf:params:xml:ns:dmarc-2.0}"
    root = ElementTree.fromstring(xml)

    def names(element):
        return [child.tag.removeprefix(space) for child in element]

    assert root.tag == space + "feedback" and names(root)[:3] == ["version", "report_metadata", "policy_published"]
    assert set(names(root)[3:]) == {"record"}
    assert set(names(root.find(space + "report_metadata"))) >= {"org_name", "email", "report_id", "date_range", "generator"}
    assert set(names(root.find(space + "policy_published"))) >= {"domain", "discovery_method", "p", "testing"}
    for record in root.findall(space + "record"):
        assert names(record) == ["row", "identifiers", "auth_results"]
        assert names(record[0]) == ["source_ip", "count", "policy_evaluated"] and names(record[0][2])[:3] == ["disposition", "dkim", "spf"]
        assert names(record[1])[0] == "header_from"
        for signature in record[2].findall(space + "dkim"):
            assert names(signature) == ["domain", "selector", "result"]
        for check in record[2].findall(space + "spf"):
            assert names(check) == ["domain", "scope", "result"]


def test_ours_on_tls_has_the_members_that_rfc_8460_wants():
    letter, attachment, text = part("ours-tls.eml")
    assert letter.get_content_type() == "multipart/report" and letter.get_param("report-type") == "tlsrpt"
    assert attachment.get_content_type() == "application/tlsrpt+gzip" and letter["TLS-Report-Domain"] == "a.example" and letter["TLS-Required"] == "No"
    report = json.loads(text)
    assert set(report) == {"organization-name", "date-range", "contact-info", "report-id", "policies"}
    for policy in report["policies"]:
        assert set(policy["policy"]) >= {"policy-type", "policy-domain"} and set(policy["summary"]) == {"total-successful-session-count", "total-failure-session-count"}
