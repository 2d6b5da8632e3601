"""Domains that say by MTA-STS (RFC 8461) how their servers have to be spoken to: their web servers and mail servers in a network of their own."""
import gzip
import http.server
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading

import pytest
import server as serving
from nameserver import NameServer
from networks import Networks, needed
from peers import needs
from sink import PLAIN, Sink
from wire import SMTP

pytestmark = [pytest.mark.own, needed, needs("openssl")]

OURS, PRIVATE = "11.0.0.1", "10.0.0.1"
GOOD, WRONG, BARE, WEB, BADWEB = ("11.0.0.%d" % n for n in range(2, 7))
EXCHANGERS = {"good.mx.example": GOOD, "wrong.mx.example": WRONG, "bare.mx.example": BARE}


def policy(mode, *exchangers, age=86400):
    return "version: STSv1\r\nmode: %s\r\n%smax_age: %d\r\n" % (mode, "".join("mx: %s\r\n" % e for e in exchangers), age)


#: By the recipients' domain: its exchanger, and what its web server answers.
DOMAINS = {
    "enforced.example": ("good.mx.example", policy("enforce", "*.mx.example")),
    "wrong.example": ("wrong.mx.example", policy("enforce", "*.mx.example")),
    "bare.example": ("bare.mx.example", policy("enforce", "bare.mx.example")),
    "unnamed.example": ("good.mx.example", policy("enforce", "good.elsewhere.example", "*.example")),
    "testing.example": ("wrong.mx.example", policy("testing", "*.mx.example")),
    "testing-bare.example": ("bare.mx.example", policy("testing", "bare.mx.example")),
    "testing-unnamed.example": ("good.mx.example", policy("testing", "elsewhere.example")),
    "none.example": ("wrong.mx.example", policy("none")),
    # No policy comes of these, and so nothing is required.
    "private.example": ("wrong.mx.example", policy("enforce", "*.mx.example")), "loopback.example": ("wrong.mx.example", policy("enforce", "*.mx.example")),
    "redirect.example": ("wrong.mx.example", (301, {"Location": "https://mta-sts.enforced.example/.well-known/mta-sts.txt"}, "")),
    "html.example": ("wrong.mx.example", (200, {"Content-Type": "text/html"}, policy("enforce", "*.mx.example"))),
    "long.example": ("wrong.mx.example", policy("enforce", "*.mx.example") + "x: y\r\n" * 20000),
    "badweb.example": ("wrong.mx.example", policy("enforce", "*.mx.example")),
    "unannounced.example": ("wrong.mx.example", policy("enforce", "*.mx.example")),
    "changed.example": ("good.mx.example", policy("enforce", "old.mx.example")),
}
WAIT = {"wrong.example": "the certificate is for nobody.example, not for wrong.mx.example", "bare.example": "it does not offer STARTTLS",
        "unnamed.example": "none of the servers that the domain's policy names (MTA-STS)"}


class Authority:
    def __init__(self):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="sts-tls-"))
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=An authority",
                 "-addext", "keyUsage=critical,keyCertSign", "-out", self.path("authority", "pem"), "-keyout", self.path("authority", "key"))

    def path(self, name, kind):
        return os.path.join(self.top, "%s.%s" % (name, kind))

    def run(self, *words):
        r = subprocess.run(["openssl", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert r.returncode == 0, r.stderr

    def vouch(self, name, *hosts):
        """Paths of a certificate for these hosts, and of its key."""
        self.run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-out", self.path(name, "csr"),
                 "-keyout", self.path(name, "key"))
        with open(self.path(name, "ext"), "w") as f:
            f.write("subjectAltName=%s\nextendedKeyUsage=serverAuth\n" % ",".join("DNS:" + h for h in hosts))
        self.run("x509", "-req", "-in", self.path(name, "csr"), "-CA", self.path("authority", "pem"), "-CAkey", self.path("authority", "key"),
                 "-CAcreateserial", "-days", "30", "-extfile", self.path(name, "ext"), "-out", self.path(name, "pem"))
        return self.path(name, "pem"), self.path(name, "key")


class Web:
    """A web server with the policies of all domains."""

    def __init__(self, answers, certificate, place):
        self.answers, self.asked, self.posted, self.answer_to_posts = answers, [], [], 201
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                host = self.headers["Host"]
                web.asked.append((host, self.path))
                answer = web.answers.get(host)
                status, fields, text = answer if isinstance(answer, tuple) else (200, {"Content-Type": "text/plain"}, answer or "")
                if self.path != "/.well-known/mta-sts.txt" or answer is None:
                    status, fields, text = 404, {}, ""
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), **fields}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def do_POST(self):
                web.posted.append((self.headers["Host"], self.path, self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(web.answer_to_posts)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request, address):
                # The handshake is the connection's own affair: one that fails holds up nobody.
                try:
                    super().finish_request(context.wrap_socket(request, server_side=True), address)
                except (ssl.SSLError, OSError):
                    pass

        self.server = Listener(place, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class World:
    def __init__(self):
        self.authority = authority = Authority()
        self.networks = Networks([OURS + "/24", PRIVATE + "/24"], [a + "/24" for a in (GOOD, WRONG, BARE, WEB, BADWEB)])
        answers = {"mta-sts." + domain: answer for domain, (_, answer) in DOMAINS.items()}
        names = ["mta-sts." + d for d in DOMAINS if d != "badweb.example"]
        certificate = authority.vouch("web", *names)
        with self.networks.there():
            self.sinks = {
                GOOD: Sink(place=(GOOD, 25), offers=PLAIN + ("STARTTLS",), certificate=authority.vouch("good", "good.mx.example")),
                WRONG: Sink(place=(WRONG, 25), offers=PLAIN + ("STARTTLS",), certificate=authority.vouch("wrong", "nobody.example")),
                BARE: Sink(place=(BARE, 25)),
            }
            self.web = Web(answers, certificate, (WEB, 443))
            self.badweb = Web(answers, authority.vouch("badweb", "elsewhere.example"), (BADWEB, 443))
        with self.networks.here():
            # Whoever is sent into a private network, or to this machine, finds somebody.
            self.traps = [Web(answers, certificate, (address, 443)) for address in (PRIVATE, "127.0.0.1")]
            records = {(host, "A"): [address] for host, address in EXCHANGERS.items()}
            for domain, (exchanger, _) in DOMAINS.items():
                records[domain, "MX"] = [(10, exchanger)]
                place = {"badweb.example": BADWEB, "private.example": PRIVATE, "loopback.example": "127.0.0.1"}.get(domain, WEB)
                records["mta-sts." + domain, "A"] = [place]
                if domain != "unannounced.example":
                    records["_mta-sts." + domain, "TXT"] = ["v=STSv1; id=1;"]
                # Whoever has no place of his own there gets no report.
                records["_smtp._tls." + domain, "TXT"] = ["v=TLSRPTv1; rua=https://mta-sts.%s/reports?of=%s" % (domain, domain)]
            self.names = NameServer(records)
            # What is changed is seen at once.
            self.names.ttl = 0
            self.names.__enter__()
            self.server = serving.Server({
                "outbound.enabled": True, "outbound.retry-first": 1, "outbound.retry-longest": 1, "outbound.own-addresses": [OURS],
                "outbound.authorities": authority.path("authority", "pem"), "hostname": "mail.example.test", **self.names.settings})
            self.server.make("postmaster", "alice").start()
            self.submit(*("bea@" + name for name in DOMAINS))

    def submit(self, *recipients):
        sender = self.server.address("alice")
        with SMTP(self.server.host, self.server.port("submissions"), tls=True) as smtp:
            assert smtp.auth_plain(sender, self.server.passwords["alice"])[0] == 235
            for recipient in recipients:
                code, said = smtp.deliver(sender, [recipient], b"Subject: x\r\n\r\nA wren.\r\n")
                assert code == 250, (recipient, said)

    def came(self, recipient):
        return [t for sink in self.sinks.values() for t in sink.texts if t.recipients == [recipient]]

    def queue(self):
        return {e["recipients"][0]["address"]: e["recipients"][0] for e in json.loads(self.server.cli("queue", "list", "--json").stdout)}

    def deferred(self, recipient, reason):
        """What the queue says of it, once it says that."""
        return serving.until(lambda: (found := self.queue().get(recipient)) and reason in (found.get("reply") or "") and found, 60)

    def outcomes(self, domain):
        return {line["policy"]: line for line in json.loads(self.server.cli("tls-report", "show", "--domain", domain, "--json").stdout)}

    def remove(self):
        self.server.remove()
        self.names.__exit__(None, None, None)
        for sink in self.sinks.values():
            sink.close()
        for web in [self.web, self.badweb, *self.traps]:
            web.close()
        self.networks.remove()
        shutil.rmtree(self.authority.top, ignore_errors=True)


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.mark.parametrize("domain", [d for d in DOMAINS if d not in WAIT and d != "changed.example"])
def test_mail_goes_where_the_policy_allows_it(world, domain):
    recipient = "bea@" + domain
    assert serving.until(lambda: world.came(recipient), 60), world.queue().get(recipient)
    texts = world.came(recipient)
    assert len(texts) == 1 and texts[0].accepted
    if DOMAINS[domain][0] != "bare.mx.example":
        sink = world.sinks[EXCHANGERS[DOMAINS[domain][0]]]
        assert (texts[0].connection, "STARTTLS") in sink.commands


@pytest.mark.parametrize("domain", WAIT)
def test_what_a_policy_forbids_waits_and_says_why(world, domain):
    recipient = "bea@" + domain
    assert world.deferred(recipient, WAIT[domain]), world.queue().get(recipient)
    assert not world.came(recipient)


def test_no_policy_is_fetched_from_a_private_network_or_this_machine(world):
    for domain in ("private.example", "loopback.example"):
        assert serving.until(lambda: world.came("bea@" + domain), 60)
    assert all(not trap.asked for trap in world.traps)
    assert all(path == "/.well-known/mta-sts.txt" for _, path in world.web.asked)
    assert ("mta-sts.unannounced.example", "/.well-known/mta-sts.txt") not in world.web.asked


@pytest.mark.parametrize("domain, kind, successes, result", [
    ("enforced.example", "sts", 1, None), ("wrong.example", "sts", 0, "certificate-host-mismatch"), ("bare.example", "sts", 0, "starttls-not-supported"),
    ("unnamed.example", "sts", 0, "validation-failure"), ("testing.example", "sts", 0, "certificate-host-mismatch"),
    ("testing-unnamed.example", "sts", 0, "validation-failure"), ("badweb.example", "sts", 0, "sts-webpki-invalid"),
    ("html.example", "sts", 0, "sts-policy-fetch-error"), ("redirect.example", "sts", 0, "sts-policy-fetch-error"),
    ("long.example", "sts", 0, "sts-policy-invalid"), ("private.example", "sts", 0, "sts-policy-fetch-error"),
])
def test_how_it_went_is_counted(world, domain, kind, successes, result):
    def looked():
        found = world.outcomes(domain).get(kind)
        return found if found and (found["successes"] == successes if result is None else result in [f["result"] for f in found["failures"]]) else None
    line = serving.until(looked, 60)
    assert line, world.outcomes(domain)
    assert line["successes"] == successes
    if result is None:
        assert line["failures"] == []
    if kind == "sts" and result in (None, "certificate-host-mismatch"):
        assert line["policyStrings"][0] == "version: STSv1" and "mx: *.mx.example" in line["policyStrings"]
    if result == "certificate-host-mismatch":
        failure = line["failures"][0]
        assert (failure["host"], failure["address"]) == ("wrong.mx.example", WRONG) and failure["source"] == OURS


def test_domains_without_a_policy_are_counted_too(world):
    # They have a server in common: a connection is counted for the first of those that it serves.
    domains = [d for d, (exchanger, _) in DOMAINS.items() if exchanger == "wrong.mx.example" and d not in ("wrong.example", "testing.example")]
    assert serving.until(lambda: any(world.outcomes(d).get("no-policy-found", {}).get("successes") for d in domains), 60)


def test_a_person_sees_which_domains_fail(world):
    assert world.deferred("bea@wrong.example", WAIT["wrong.example"])
    shown = world.server.cli("tls-report", "show", "--failing").stdout
    assert "wrong.example  sts  0 good, " in shown and " certificate-host-mismatch at wrong.mx.example on %s: " % WRONG in shown
    assert "enforced.example" not in shown


def test_a_new_policy_is_looked_for_before_mail_fails(world):
    recipient = "bea@changed.example"
    assert world.deferred(recipient, WAIT["unnamed.example"]), world.queue().get(recipient)
    world.web.answers["mta-sts.changed.example"] = policy("enforce", "good.mx.example")
    world.names.records["_mta-sts.changed.example", "TXT"] = ["v=STSv1; id=2;"]
    assert serving.until(lambda: world.came(recipient), 60), world.queue().get(recipient)


def test_a_policy_outlives_its_record_its_server_and_ours(world):
    assert world.deferred("bea@wrong.example", WAIT["wrong.example"])
    asked = len([host for host, _ in world.web.asked if host == "mta-sts.wrong.example"])
    assert asked == 1
    before = world.outcomes("enforced.example")["sts"]["successes"]
    del world.names.records["_mta-sts.wrong.example", "TXT"]
    world.web.answers["mta-sts.wrong.example"] = None
    with world.networks.here():
        world.server.restart()
        world.submit("carl@wrong.example")
        world.submit("carl@enforced.example")
    assert world.deferred("carl@wrong.example", WAIT["wrong.example"]), world.queue().get("carl@wrong.example")
    assert not world.came("carl@wrong.example")
    assert serving.until(lambda: world.came("carl@enforced.example"), 60)
    assert serving.until(lambda: world.outcomes("enforced.example")["sts"]["successes"] == before + 1, 60)
    assert len([host for host, _ in world.web.asked if host == "mta-sts.wrong.example"]) == 1


def test_a_report_on_tls_is_brought_by_https_and_to_no_private_network(world):
    """The last of all: its clock goes on from tomorrow."""
    expected = {d for d in ("enforced.example", "wrong.example", "bare.example", "testing.example", "private.example", "loopback.example", "badweb.example")}
    for domain in expected:
        assert serving.until(lambda: world.outcomes(domain), 60), domain
    with world.networks.here():
        world.server.restart_tomorrow()

    def brought():
        return {host.removeprefix("mta-sts."): (path, kind, data) for host, path, kind, data in world.web.posted}

    # These have a certificate that nobody vouches for, or are where the world cannot be.
    kept_back = {"private.example", "loopback.example", "badweb.example"}
    assert serving.until(lambda: expected - kept_back <= set(brought()), 60), set(brought())
    for domain, (path, kind, data) in brought().items():
        report = json.loads(gzip.decompress(data))
        assert (path, kind) == ("/reports?of=" + domain, "application/tlsrpt+gzip")
        assert {p["policy"]["policy-domain"] for p in report["policies"]} == {domain} and report["organization-name"] == serving.DOMAIN
    failed = {f["result-type"] for p in json.loads(gzip.decompress(brought()["wrong.example"][2]))["policies"] for f in p["failure-details"]}
    assert "certificate-host-mismatch" in failed
    assert all(not trap.posted for trap in world.traps) and not world.badweb.posted and not kept_back & set(brought())
    assert len(world.web.posted) == len(brought())
