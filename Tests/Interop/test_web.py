"""What is served by HTTP, as other servers, mail programs and browsers ask for it. RFC 9110, RFC 9113, RFC 8461, RFC 9116; R9, R15, R16, R20-R24, R26."""
import contextlib
import gzip
import http.client
import json
import os
import socket
import ssl
import subprocess
import time
import xml.etree.ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families
import server as serving
from conftest import eventually, need, run
from wire import IMAP

pytestmark = pytest.mark.own
HOST = "mail.example.test"
WEB = {"hostname": HOST, "listeners.https.enabled": True, "listeners.http.enabled": True}
REQUEST = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>%s</EMailAddress>
<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>
"""
RESPONSE = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"


def started(settings, *names):
    s = serving.Server(settings={**WEB, **settings})
    try:
        s.make(*(names or ("alice",)))
        s.start()
        for port in (443, 80):
            s._wait(port + s.offset, time.monotonic() + 60)
    except BaseException:
        s.remove()
        raise
    return s


@pytest.fixture(scope="module")
def site():
    s = started({"mta-sts.mode": "testing", "web.security-contact": ["security@example.test"], "web.metrics-networks": ["127.0.0.1"]})
    yield s
    assert s.alive(), s.log_text()[-3000:]
    s.remove()


def ask(site, target, method="GET", host=HOST, secure=True, body=None, **fields):
    """Status, fields and content of the answer."""
    if secure:
        connection = http.client.HTTPSConnection(site.host, 443 + site.offset, timeout=60, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(site.host, 80 + site.offset, timeout=60)
    try:
        connection.request(method, target, body=body, headers={"Host": host, **{name.replace("_", "-"): value for name, value in fields.items()}})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("secure", [True, False])
def test_the_program_lives(site, secure):
    status, fields, content = ask(site, "/health/live", secure=secure)
    assert (status, json.loads(content), fields["content-type"], fields["cache-control"]) == (200, {"status": "ok"}, "application/json", "no-store")


@pytest.mark.parametrize("target", ["/health/ready", "/health"])
def test_the_server_is_ready(site, target):
    status, _, content = ask(site, target)
    assert (status, json.loads(content)) == (200, {"status": "ok", "checks": {"store": "ok", "queue": "ok", "disk": "ok"}})


def test_a_server_without_room_is_not_ready(own_server):
    s = own_server("alice", start=False, settings=WEB)
    s.settings["limits.free-floor"] = "16384G"
    s.write_configuration()
    s.start()
    s._wait(443 + s.offset, time.monotonic() + 60)
    status, _, content = ask(s, "/health/ready")
    assert (status, json.loads(content)["checks"]["disk"]) == (503, "failing")
    assert "octets" not in content.decode()
    # Nobody has said who may.
    assert ask(s, "/metrics")[0] == 404
    assert "free-floor" in s.log_with("check=disk")


def test_the_policy_of_our_domains(site):
    status, fields, content = ask(site, "/.well-known/mta-sts.txt", host="mta-sts.example.test")
    assert (status, fields["content-type"]) == (200, "text/plain")
    assert content == b"version: STSv1\r\nmode: testing\r\nmx: mail.example.test\r\nmax_age: 604800\r\n"
    for host in ("example.test", HOST, "mta-sts.example.net"):
        assert ask(site, "/.well-known/mta-sts.txt", host=host)[0] == 404
    records = site.cli("dns", "records", serving.DOMAIN).stdout
    assert "_mta-sts\tIN\tTXT\t\"v=STSv1; id=" in records and "mta-sts\tIN\tCNAME\tmail.example.test." in records


def test_whom_to_tell_of_a_weakness(site):
    status, fields, content = ask(site, "/.well-known/security.txt", host="example.test")
    lines = dict(line.split(": ", 1) for line in content.decode().split("\r\n") if line)
    assert status == 200 and fields["content-type"].startswith("text/plain")
    assert lines["Contact"] == "mailto:security@example.test" and lines["Preferred-Languages"] == "en"
    assert lines["Canonical"] == "https://example.test:%d/.well-known/security.txt" % (443 + site.offset)


def test_thunderbird_sets_itself_up(site):
    for target, host in (("/mail/config-v1.1.xml?emailaddress=alice%40example.test", "autoconfig.example.test"),
                         ("/.well-known/autoconfig/mail/config-v1.1.xml", "example.test")):
        status, fields, content = ask(site, target, host=host)
        assert status == 200 and fields["content-type"] == "application/xml; charset=utf-8"
        provider = ET.fromstring(content).find("emailProvider")
        assert provider.find("domain").text == "example.test"
        found = [(s.get("type"), int(s.find("port").text), s.find("socketType").text) for s in provider.iter() if s.get("type")]
        assert found == [("imap", site.port("imaps"), "SSL"), ("imap", site.port("imap"), "STARTTLS"), ("pop3", site.port("pop3s"), "SSL"),
                         ("pop3", site.port("pop3"), "STARTTLS"), ("smtp", site.port("submissions"), "SSL"), ("smtp", site.port("submission"), "STARTTLS")]
    assert ask(site, "/mail/config-v1.1.xml?emailaddress=alice%40example.net", host="autoconfig.example.test")[0] == 404


@pytest.mark.parametrize("target", ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/autodiscover.XML"])
def test_outlook_sets_itself_up(site, target):
    answers = []
    for name in ("alice", "nobody"):
        status, fields, content = ask(site, target, "POST", body=REQUEST % site.address(name), Content_Type="text/xml; charset=utf-8")
        assert status == 200 and fields["content-type"] == "text/xml; charset=utf-8"
        protocols = ET.fromstring(content).iter(RESPONSE + "Protocol")
        assert [(p.find(RESPONSE + "Type").text, int(p.find(RESPONSE + "Port").text)) for p in protocols] == [
            ("IMAP", site.port("imaps")), ("POP3", site.port("pop3s")), ("SMTP", site.port("submissions"))]
        answers.append(content.replace(site.address(name).encode(), b"X"))
    assert answers[0] == answers[1], "it tells who has an account"
    assert b"<ErrorCode>500</ErrorCode>" in ask(site, target, "POST", body=REQUEST % "alice@example.net", Content_Type="text/xml")[2]
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]>' + REQUEST % "&b;@example.test"
    assert b"<ErrorCode>600</ErrorCode>" in ask(site, target, "POST", body=bomb, Content_Type="text/xml")[2]


def test_what_is_counted(site):
    ask(site, "/health/live")
    status, fields, content = ask(site, "/metrics")
    assert (status, fields["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = {s.name + str(sorted(s.labels.items())): s.value for f in text_string_to_metric_families(content.decode()) for s in f.samples}
    assert found["martlet_http_requests_total[('service', 'https'), ('status', '2xx')]"] >= 1
    assert found["martlet_open_connections[('service', 'https')]"] >= 1
    # Nobody knows for whom a proxy asks that is none of ours.
    assert ask(site, "/metrics", X_Forwarded_For="127.0.0.1")[0] == 404
    assert ask(site, "/metrics", secure=False)[0] == 301


def test_what_is_not_taken(site):
    post = "/autodiscover/autodiscover.xml"
    assert ask(site, post, "POST", body=" " * 8193, Content_Type="text/xml")[0] == 413
    assert ask(site, post, "POST", body="{}", Content_Type="application/json")[0] == 415
    status, fields, _ = ask(site, "/health/live", "DELETE")
    assert (status, fields["allow"].replace(" ", "")) == (405, "GET,HEAD")
    for target in ("/", "/.well-known/acme-challenge/abc", "/index.html"):
        assert ask(site, target)[0] == 404, target
    assert ask(site, "/a/../b")[0] == 400


def test_what_is_coded_is_not_taken(site):
    post = "/autodiscover/autodiscover.xml"
    status, fields, _ = ask(site, post, "POST", body=gzip.compress(REQUEST.encode()), Content_Type="text/xml", Content_Encoding="gzip")
    assert (status, fields["accept-encoding"]) == (415, "identity")
    assert ask(site, post, "POST", body=REQUEST % site.address("alice"), Content_Type="text/xml", Content_Encoding="identity")[0] == 200


def raw(site, octets, secure):
    """What is answered to these octets, until the server closes."""
    with contextlib.closing(socket.create_connection((site.host, (443 if secure else 80) + site.offset), 60)) as s:
        if secure:
            s = ssl._create_unverified_context().wrap_socket(s)
        s.sendall(octets)
        answer = b""
        try:
            while piece := s.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("octets, status", [
    (b"hello\r\n\r\n", 400), (b"GET / HTTP/1.1\nHost: x\n\n", 400), (b"GET /\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00", 400), (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501), (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505)])
def test_what_is_no_request(site, octets, status, secure):
    assert raw(site, octets, secure).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("secure", [True, False])
def test_methods_of_the_server(site, secure):
    status, fields, content = ask(site, "*", "OPTIONS", secure=secure)
    assert (status, content) == (204, b"") and {"GET", "HEAD", "OPTIONS", "POST"} <= set(fields["allow"].split(", "))
    assert ask(site, "/health/live", "PURGE", secure=secure)[0] == 501


@need("curl")
def test_long_headers_over_http2(site):
    place = "https://%s:%d/health/live" % (site.host, 443 + site.offset)
    shown = ("-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{num_connects},")
    for octets in (9_000, 20_000, 60_000):
        # The second asks by the same connection.
        assert run("curl", *shown, "-H", "X-Long: " + "a" * octets, place, "--next", *shown, place) == (0, b"2 431 1,2 200 0,")
    assert run("curl", *shown, "-H", "X-Long: " + "a" * 90_000, place)[0] != 0
    assert run("curl", *shown, place) == (0, b"2 200 1,")


def test_without_tls_everything_is_sent_to_where_it_is(site):
    def sent(target, method="GET", host=HOST, **more):
        status, fields, _ = ask(site, target, method, host=host, secure=False, **more)
        return status, fields["location"]

    there = "https://%s:" + str(443 + site.offset)
    assert sent("/a%20b?c=%2F") == (301, there % HOST + "/a%20b?c=%2F")
    assert sent("/", "HEAD", "example.test") == (301, there % "example.test" + "/")
    assert sent("/x", "POST", "www.example.test", body="content") == (308, there % "www.example.test" + "/x")
    assert sent("/", "PROPFIND", "autodiscover.example.test:80") == (308, there % "autodiscover.example.test" + "/")
    assert sent("/", host="evil.example") == (301, there % HOST + "/")
    assert sent("//evil.example/%2e")[0] in (301, 400)
    assert sent("/", host="127.0.0.1:%d" % (80 + site.offset)) == (301, there % "127.0.0.1" + "/")


@pytest.mark.parametrize("target", ["/health/live", "/nothing", "/health/ready"])
def test_every_answer_has_its_fields(site, target):
    fixed = {"X-Frame-Options": "SAMEORIGIN", "X-Content-Type-Options": "nosniff", "X-XSS-Protection": "1; mode=block", "Referrer-Policy": "no-referrer",
             "Cross-Origin-Resource-Policy": "same-origin",
             "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"}
    promise = "Strict-Transport-Security"
    for secure in (True, False):
        fields = ask(site, target, secure=secure)[1]
        assert {name: fields.get_all(name) for name in fixed} == {name: [value] for name, value in fixed.items()}
        assert fields.get_all(promise) == (["max-age=63072000; includeSubDomains; preload"] if secure else None)


@need("curl")
@pytest.mark.parametrize("version, said", [("--http2", b"2"), ("--http1.1", b"1.1")])
def test_both_versions_over_tls(site, version, said):
    place = "https://%s:%d" % (site.host, 443 + site.offset)
    shown = ("-o", "/dev/null", "-w", "%{http_version} %{http_code}")
    assert run("curl", "-sk", version, *shown, place + "/health/ready") == (0, said + b" 200")
    post = ("-H", "Content-Type: text/xml", "--data-binary", REQUEST % site.address("alice"))
    code, content = run("curl", "-sk", version, *post, place + "/Autodiscover/Autodiscover.xml")
    assert code == 0 and b"<Type>IMAP</Type>" in content
    assert run("curl", "-skL", "--post301", *shown, "http://%s:%d/health/ready" % (site.host, 80 + site.offset))[1].endswith(b" 200")


def test_a_port_that_is_taken_keeps_no_mail_back(own_server):
    s = own_server("alice", start=False, settings=WEB)
    stranger = socket.create_server((s.host, 443 + s.offset))
    try:
        offset = s.offset
        s.start()
        assert s.offset == offset
        s._wait(80 + s.offset, time.monotonic() + 60)
        assert "cannot listen on %s port %d" % (s.host, 443 + s.offset) in s.log_with("nothing is served there")
        assert ask(s, "/health/live", secure=False)[0] == 200
        with IMAP(s.host, s.port("imaps"), tls=True) as imap:
            imap.login(s.address("alice"), s.passwords["alice"])
    finally:
        stranger.close()
    assert s.stop() == 0


def test_a_file_that_does_not_name_them_leaves_the_ports_alone(server):
    for port in (443, 80):
        socket.create_server((server.host, port + server.offset)).close()


def test_the_embedded_default_serves_both(tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MARTLET_", "SMTP_", "TLS_"))}
    offset = serving.free_offset()
    env.update(MARTLET_PORT_OFFSET=str(offset), MARTLET_CONFIG="embedded")
    with open(tmp_path / "out", "wb") as out:
        p = subprocess.Popen([serving.program(), "serve"], cwd=tmp_path, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        def said():
            return (tmp_path / "out").read_text()

        lines = ["  https        127.0.0.1:%d" % (443 + offset), "  http         127.0.0.1:%d" % (80 + offset)]
        eventually(lambda: p.poll() is not None or all(line in said() for line in lines), said)
        connection = http.client.HTTPSConnection("127.0.0.1", 443 + offset, timeout=60, context=ssl._create_unverified_context())
        connection.request("GET", "/health/ready")
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        p.terminate()
        p.wait(20)


def test_behind_a_proxy_nobody_is_sent_round_in_circles(own_server):
    believed = {"X_Forwarded_For": "203.0.113.9", "X_Forwarded_Proto": "https"}
    s = own_server("alice", settings={**WEB, "listeners.https.enabled": False, "web.proxies": ["127.0.0.1"]})
    s._wait(80 + s.offset, time.monotonic() + 60)
    status, fields, content = ask(s, "/health/ready", secure=False, **believed)
    assert (status, json.loads(content)["status"], fields["strict-transport-security"][:8]) == (200, "ok", "max-age=")
    assert ask(s, "/nothing", secure=False, **believed)[0] == 404
    status, fields, _ = ask(s, "/health/ready", secure=False)
    assert (status, fields["location"]) == (301, "https://%s/health/ready" % HOST)


def test_the_own_machine_of_a_proxy_may_ask_by_it_for_what_is_counted(own_server):
    s = own_server("alice", settings={**WEB, "listeners.https.enabled": False, "web.proxies": ["127.0.0.1"], "web.metrics-networks": ["127.0.0.1"]})
    s._wait(80 + s.offset, time.monotonic() + 60)

    def status(**fields):
        return ask(s, "/metrics", secure=False, X_Forwarded_Proto="https", **fields)[0]

    assert status(X_Forwarded_For="127.0.0.1") == status(X_Forwarded_For="127.0.0.1, 127.0.0.1") == 200
    # Strangers, whatever they have said before the proxy; and requests of nobody knows whom.
    for named in ("203.0.113.9", "127.0.0.1, 203.0.113.9", "203.0.113.9, 127.0.0.1", "junk, 127.0.0.1", "junk", ""):
        assert status(X_Forwarded_For=named) == 404, named
    assert status(X_Real_IP="127.0.0.1") == status(Forwarded="for=127.0.0.1") == status(Via="1.1 x") == 404


def test_who_is_no_proxy_of_ours_is_not_believed(site):
    assert ask(site, "/health/ready", secure=False, X_Forwarded_Proto="https", X_Forwarded_For="203.0.113.9")[0] == 301


def test_the_doctor_sees_the_web(site):
    found = json.loads(site.cli("doctor", "--json", check=False).stdout)
    checks = {check["name"]: check["severity"] for check in found["checks"]}
    for service, port in (("https", 443), ("http", 80)):
        assert checks["listener %s 127.0.0.1 %d" % (service, port + site.offset)] == "ok"
