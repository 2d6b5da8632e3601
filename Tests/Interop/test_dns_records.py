"""`martlet dns records`: what it prints is a zone that name servers take, and says what is so."""
import hashlib
import json
import os
import re
import subprocess

import pytest
import server as serving
from zones import needed

pytestmark = [pytest.mark.own, needed]
HEAD = "@ 3600 IN SOA ns hostmaster 1 3600 600 86400 60\n@ 3600 IN NS ns\nns 3600 IN A 127.0.0.1\n"


@pytest.fixture(scope="module")
def server():
    made = serving.Server({"hostname": "mail.example.test", "outbound.own-addresses": ["11.0.0.1", "2a00:1::5"]})
    made.make("alice").cli("domain", "add", "bücher.example")
    made.start()
    yield made
    made.remove()


def records(server, domain="example.test", *options):
    return server.cli("dns", "records", domain, *options).stdout


def pasted(text):
    """(name, type, data) of the lines that are no comments."""
    return [(n, t, d) for n, _, t, d in (line.split("\t") for line in text.splitlines() if line and line[0] not in ";$")]


def test_a_name_server_takes_it(server, tmp_path):
    for domain in ("example.test", "xn--bcher-kva.example"):
        path = tmp_path / domain
        path.write_text("$ORIGIN %s.\n%s%s" % (domain, HEAD, records(server, domain)))
        r = subprocess.run(["nsd-checkzone", domain, str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert r.returncode == 0 and "zone %s is ok" % domain in r.stdout, r.stdout


def test_json_is_the_same(server):
    page = json.loads(records(server, "example.test", "--json"))
    assert page["domain"] == "example.test" and page["host"] == "mail.example.test" and page["ttl"] == 3600
    assert [(r["name"], r["type"], r["data"]) for r in page["records"] if r["place"] == "zone"] == [
        ("example.test" if n == "@" else n + ".example.test", t, d) for n, t, d in pasted(records(server))]
    assert all(set(r) == {"name", "type", "data", "place", "explanation"} and r["explanation"] for r in page["records"])
    assert {r["type"] for r in page["records"] if r["place"] == "elsewhere"} == {"PTR"}
    assert any("port 25 alone" in n for n in page["notes"])


def test_every_record_is_explained(server):
    above = ""
    for line in records(server).splitlines()[3:]:
        if "\tIN\t" in line and not line.startswith(";"):
            assert above.startswith("; ") or "\tIN\t" in above, line
        above = line


def test_the_key_is_that_of_the_certificate(server):
    said = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port("smtp"), "-starttls", "smtp"], input="QUIT\n",
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60).stdout
    leaf = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", said, re.S).group(0)
    public = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=leaf, stdout=subprocess.PIPE, text=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public.encode(), stdout=subprocess.PIPE, check=True).stdout
    assert ("_25._tcp.mail", "TLSA", "3 1 1 " + hashlib.sha256(der).hexdigest()) in pasted(records(server))


def test_services_that_listen_and_those_that_do_not(server):
    found = {n: d for n, t, d in pasted(records(server, "example.test", "--set", "listeners.pop3.enabled=false")) if t == "SRV"}
    assert found["_imaps._tcp"] == "0 1 %d mail.example.test." % server.port("imaps")
    assert found["_submission._tcp"] == "10 1 %d mail.example.test." % server.port("submission")
    assert found["_pop3._tcp"] == "0 0 0 ."


def test_a_domain_whose_host_is_elsewhere(server):
    text = records(server, "bücher.example")
    assert ("@", "MX", "10 mail.example.test.") in pasted(text)
    assert not any(t in ("A", "AAAA", "TLSA", "CAA") for _, t, _ in pasted(text))
    assert ";   mail.example.test. IN A 11.0.0.1" in text and "_dmarc.xn--bcher-kva.example" not in text


def test_whose_domain_it_is(server):
    r = server.cli("dns", "records", "elsewhere.example", check=False)
    assert r.returncode == 67 and "domain add" in r.stderr and not r.stdout
    assert ("@", "MX", "10 mail.example.test.") in pasted(records(server, "elsewhere.example", "--any"))
    for bad in ("a b", "[192.0.2.1]", "-x.example", "x\x1b[2J.example"):
        r = server.cli("dns", "records", "--any", "--", bad, check=False)
        assert r.returncode == 65 and "\x1b" not in r.stderr, (bad, r)


def test_without_a_server_it_is_the_same(server):
    text = records(server)
    server.stop()
    try:
        assert records(server) == text
    finally:
        server.start()


def test_before_the_first_start_there_is_no_key(own_server):
    server = own_server("alice", start=False, settings={"hostname": "mail.example.test"})
    text = records(server)
    assert "TLSA" not in {t for _, t, _ in pasted(text)} and "no certificate yet" in text
    assert not os.path.exists(os.path.join(server.data, "tls"))


def test_a_certificate_that_cannot_be_read_is_no_certificate_that_is_missing(own_server):
    server = own_server("alice", start=False)
    server.start()
    server.stop()
    path = os.path.join(server.data, "tls", "certificate.pem")
    with open(path, "w") as f:
        f.write("nothing\n")
    r = server.cli("dns", "records", "example.test", check=False)
    assert r.returncode == 66 and path in r.stderr, r
