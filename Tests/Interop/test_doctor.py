"""`martlet doctor` in a private world: each finding that can be made to come from outside comes, and does not where all is well."""
import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading

import pytest
import server as serving
from conftest import Account
from nameserver import NOTIMP, SERVFAIL
from networks import Networks, needed as needs_networks
from sink import Sink
from wire import SMTP
from zones import Zones, needed as needs_zones, zone

pytestmark = [pytest.mark.own, needs_networks, needs_zones]
OURS, SECOND, WORLD, NOBODY = "11.0.0.1", "11.0.0.9", "11.0.0.2", "11.0.0.3"
#: Of the server with many domains, and of one with the domain that the tests' servers have.
HOST, LONELY = "mail.home.example", "mail.example.test"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
TIMES = "@ 3600 IN SOA ns hostmaster @SERIAL@ 3600 600 86400 60\n@ 3600 IN NS ns\nns 3600 IN A 127.0.0.1\n"


def without(*words):
    """The records without those whose lines have one of these words."""
    return lambda lines: [l for l in lines if not any(w in l for w in words)]


def instead(pattern, text):
    return lambda lines: [re.sub(pattern, lambda _: text, l) for l in lines]


def also(*more):
    return lambda lines: lines + list(more)


#: What is done to the records that a domain should have, and what then is found of it.
DOMAINS = {
    "good.example": (also(), []),
    "mx-missing.example": (without("\tMX\t"), ["dns.mx.missing"]),
    "mx-null.example": (instead("MX\t10 mail.*", "MX\t0 ."), ["dns.mx.null"]),
    "mx-null-beside.example": (also("@ IN MX 0 ."), ["dns.mx.null-beside"]),
    "mx-elsewhere.example": (instead("MX\t10 mail.*", "MX\t10 other.world.example."), ["dns.mx.elsewhere"]),
    "mx-other-name.example": (instead("MX\t10 mail.*", "MX\t10 mx\nmx IN A " + OURS), []),
    "mx-not-first.example": (also("@ IN MX 5 other.world.example."), ["dns.mx.not-first"]),
    "mx-second.example": (also("@ IN MX 20 other.world.example."), []),
    "mx-alias.example": (instead("MX\t10 mail.*", "MX\t10 alias\nalias IN CNAME %s." % HOST), ["dns.mx.alias"]),
    "mx-address.example": (also("@ IN MX 20 11.0.0.1."), ["dns.mx.address"]),
    "mx-unresolved.example": (also("@ IN MX 20 gone"), ["dns.mx.unresolved"]),
    "spf-missing.example": (without("v=spf1"), ["dns.spf.missing"]),
    "spf-several.example": (also("@ IN TXT \"v=spf1 mx -all\""), ["dns.spf.several"]),
    "spf-broken.example": (instead("\"v=spf1.*", "\"v=spf1 ip4:nobody -all\""), ["dns.spf.broken"]),
    "spf-excludes.example": (instead("\"v=spf1.*", "\"v=spf1 ip4:11.0.0.8/29 -all\""), ["dns.spf.excludes-us"]),
    "spf-mx.example": (instead("\"v=spf1.*", "\"v=spf1 mx -all\""), []),
    "spf-included.example": (instead("\"v=spf1.*", "\"v=spf1 include:spf-mx.example \" \"-all\""), []),
    "spf-open.example": (instead("\"v=spf1.*", "\"v=spf1 +all\""), ["dns.spf.open"]),
    "spf-macro.example": (instead("\"v=spf1.*", "\"v=spf1 exists:%{i}.%{d} -all\"\n" + OURS + " IN A 127.0.0.2"), []),
    "spf-unknown.example": (instead("\"v=spf1.*", "\"v=spf1 exists:%{l}.%{d} -all\""), ["dns.spf.unknown"]),
    "dkim-missing.example": (without("_domainkey"), ["dns.dkim.missing"]),
    "dkim-differs.example": (instead("p=[A-Za-z0-9+/=]+\"", "p=" + "A" * 43 + "=\""), ["dns.dkim.differs"]),
    "dmarc-missing.example": (without("DMARC1"), ["dns.dmarc.missing"]),
    "dmarc-several.example": (also("_dmarc IN TXT \"v=DMARC1; p=reject\""), ["dns.dmarc.several"]),
    "dmarc-broken.example": (instead("p=none", "p=nothing"), ["dns.dmarc.broken"]),
    "sub.good.example": (without("DMARC1"), []),
    "tls-reports-missing.example": (without("TLSRPT"), ["dns.tls-reports.missing"]),
    "tls-reports-broken.example": (instead("rua=mailto:tls-reports@tls.*", "rua=\""), ["dns.tls-reports.broken"]),
    "srv-missing.example": (without("_imaps"), ["dns.srv.missing"]),
    "srv-wrong.example": (instead("993", "994"), ["dns.srv.wrong"]),
    "unsigned.example": (also(), ["dns.unsigned"]),
    "forged.example": (also(), ["dns.bogus"]),
    "expired.example": (also(), ["dns.bogus"]),
    "gone.example": (None, ["dns.domain.gone"]),
}
#: Other names for the server, what is in their zones, and what is found: of that host, or of the certificate.
HOSTS = {
    "good": ("", set()),
    "elsewhere": ("instead", {"dns.host.elsewhere"}),
    "other": ("@ IN A 11.0.0.99", {"dns.host.other"}),
    "tlsa-missing": ("no TLSA", {"dns.tlsa.missing"}),
    "tlsa-mismatch": ("no TLSA\n_25._tcp IN TLSA 3 1 1 " + "00" * 32, {"dns.tlsa.mismatch"}),
    "tlsa-rollover": ("_25._tcp IN TLSA 3 1 1 " + "00" * 32, set()),
    "tlsa-unusable": ("no TLSA\n_25._tcp IN TLSA 1 1 1 " + "00" * 32, {"dns.tlsa.unusable"}),
    "tlsa-unproved": ("unsigned", {"dns.tlsa.unproved"}),
    "caa-forbids": ("@ IN CAA 0 issue \"digicert.com\"", {"dns.caa.forbids"}),
    "caa-allows": ("@ IN CAA 0 issue \"digicert.com\"\n@ IN CAA 0 issue \"letsencrypt.org; x=y\"", set()),
}


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """A root, and below it what is called as a well-known authority is."""

    def __init__(self, folder):
        self.folder = folder
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj", "/CN=Root of the tests",
                "-keyout", "root.key", "-out", "root.pem")
        with open(os.path.join(folder, "between.ext"), "w") as f:
            f.write("basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n")
        self._sign("between", "/O=Let's Encrypt/CN=R99", "root", 3000)

    def _sign(self, name, subject, by, days):
        openssl(self.folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", name + ".key",
                "-out", name + ".csr")
        openssl(self.folder, "x509", "-req", "-in", name + ".csr", "-CA", by + ".pem", "-CAkey", by + ".key", "-CAcreateserial", "-days", str(days),
                "-extfile", name + ".ext", "-out", name + ".pem")

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, hosts, days=200, chain=("between",)):
        """Settings with a new certificate."""
        with open(self.path(name + ".ext"), "w") as f:
            f.write("basicConstraints=CA:false\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n" % ",".join("DNS:" + h for h in hosts))
        self._sign(name, "/CN=" + hosts[0], "between", days)
        with open(self.path(name + ".chain"), "w") as f:
            for part in (name, *chain):
                f.write(open(self.path(part + ".pem")).read())
        return {"tls.certificate": self.path(name + ".chain"), "tls.key": self.path(name + ".key")}


class World:
    def __init__(self, stack):
        self.networks = Networks([OURS + "/24", SECOND + "/24"], [WORLD + "/24", NOBODY + "/24"])
        stack.callback(self.networks.remove)
        self.authority = Authority(stack.enter_context(tempfile.TemporaryDirectory(prefix="authority-")))
        hosts = [n + ".host.example" for n in HOSTS]
        with self.networks.here():
            self.server = serving.Server({
                "outbound.enabled": True, "hostname": HOST, "listeners.addresses": [OURS], "limits.free-floor": 0,
                # It is looked at more often in a minute than strangers may come.
                "limits.exempt": ["11.0.0.0/24"],
                **self.authority.issue("leaf", [HOST, LONELY, *hosts])}, host=OURS)
            stack.callback(self.server.remove)
            self.server.offset = 0
            self.server.make("alice")
            # One key for all: of Ed25519, which is quickly made.
            made, = json.loads(self.server.cli("dkim", "generate", "example.test", "--algorithm", "ed25519", "--json").stdout)
            self.key = self.server.cli("dkim", "show", "--pem", "example.test", made["selector"]).stdout
            self.server.cli("dkim", "remove", "example.test", made["selector"])
            for name in ("unanswered.example", *DOMAINS):
                self.server.cli("domain", "add", name)
            for name in ("example.test", "unanswered.example", *DOMAINS):
                self.sign(self.server, name)
            self.zones = stack.enter_context(self._zones())
            self.zones.rest.records.update({
                ("1.0.0.11.in-addr.arpa", "PTR"): [HOST], ("9.0.0.11.in-addr.arpa", "PTR"): [LONELY], ("other.world.example", "A"): [WORLD], ("strange.example", "A"): [WORLD],
                ("unanswered.example", "MX"): [(10, HOST)], ("relay.world.example", "A"): [WORLD], ("closed.world.example", "A"): [NOBODY]})
            self.zones.rest.failing[("unanswered.example", "TXT")] = NOTIMP
            self.server.settings.update(self.zones.settings)
            self.server.write_configuration()
            self.server.start()

    def sign(self, server, domain):
        server.cli("dkim", "import", domain, "k1", stdin=self.key)
        server.cli("dkim", "activate", domain, "k1")

    def _zones(self):
        zones = {}
        for name, (change, _) in DOMAINS.items():
            if change:
                zones[name] = self._text(name, change, HOST)
        zones["home.example"] = self._text("home.example", also(), HOST)
        zones["example.test"] = self._text("example.test", also(), LONELY, SECOND)
        for name, (more, _) in HOSTS.items():
            host = name + ".host.example"
            change = also(*more.split("\n"))
            if more == "instead":
                change = instead(r"\tA\t.*", "\tA\t11.0.0.99")
            elif more.startswith("no TLSA"):
                change = lambda lines, more=more: without("TLSA")(lines) + more.split("\n")[1:]
            elif more == "unsigned":
                change = also()
            # The CAA record that is printed too would allow what this one forbids.
            kept = change if not name.startswith("caa-") else lambda lines, change=change: change(without("CAA")(lines))
            zones[host] = self._text(host, kept, host)
        special = {"unsigned.example", "forged.example", "expired.example", "tlsa-unproved.host.example"}
        return Zones(zones, signed=set(zones) - special, forged={"forged.example": ("p=none", "p=reject")}, expired=["expired.example"])

    def _text(self, name, change, host, address=OURS):
        options = ["--any"] if name.endswith(".host.example") or name == "home.example" else []
        printed = self.server.cli("dns", "records", name, *options, "--set", "hostname=" + host, "--set", "listeners.addresses=" + address).stdout
        lines = [l for l in printed.splitlines() if l and not l.startswith((";", "$ORIGIN", "$TTL"))]
        return "$ORIGIN %s.\n$TTL 3600\n%s%s\n" % (name, TIMES, "\n".join(change(lines)))

    def doctor(self, *options, trusted=True, server=None, env=None, through=()):
        """What it finds: [(id, subject)], and its exit code. The system trusts the tests' root, or it does not. `through`: words before the program."""
        script = 'mount --bind "$0" %s && exec "$@"' % BUNDLE if trusted else 'exec "$@"'
        server = server or self.server
        with self.networks.here():
            r = subprocess.run(["unshare", "-m", "sh", "-c", script, self.authority.path("root.pem"), *through, serving.program(), "doctor", "--json",
                                *options],
                               env={**server.environment(), **(env or {})}, cwd=server.top, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               timeout=120)
        assert r.stdout, r.stderr
        self.report = json.loads(r.stdout)
        assert r.returncode == {"error": 2, "warning": 1}.get(self.report["severity"], 0)
        # Words of libraries say nothing to who is to mend it.
        assert not re.search(r"NIO|BoringSSL|OPENSSL|errno|Error\b|Fault|\w\(\w+:", json.dumps([f["problem"] for f in self.report["findings"]])), r.stdout
        return [(f["id"], f["subject"]) for f in self.report["findings"]]

    def ids(self, *options, **other):
        return {i for i, _ in self.doctor(*options, **other)}


@pytest.fixture(scope="module")
def world():
    with contextlib.ExitStack() as stack:
        yield World(stack)


@pytest.fixture(scope="module")
def found(world):
    """Of one look at all domains: {subject: ids}, without what nobody can see."""
    subjects = {}
    for i, subject in world.doctor():
        subjects.setdefault(subject, []).append(i)
    return subjects


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain(found, name):
    # SRV records are subjects of their own.
    ids = [i for subject, ids in found.items() if subject == name or subject.endswith(("_tcp." + name, "_domainkey." + name)) for i in ids]
    assert sorted(ids) == sorted(DOMAINS[name][1])


def test_the_certificate_is_for_all_names_of_mx_records(found):
    assert found["mx.mx-other-name.example"] == ["tls.names"] and "tls.names" not in found[HOST]


def test_what_is_not_answered_is_not_missing(found):
    assert "dns.unanswered" in found["unanswered.example"]
    assert not {"dns.spf.missing", "dns.spf.several"} & set(found["unanswered.example"])


def test_all_is_well_where_the_zone_is_what_was_printed(world):
    """With the domain alone, nothing is found, and what cannot be seen is said."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(sink_at_25(world))
        with alone(world) as server:
            seen = world.doctor("--reach", "relay.world.example", server=server)
    assert {i for i, _ in seen} - {"clock.unseen", "disk.hasty", "disk.slow"} == {"inbound.unseen", "relay.unseen", "blocklists.unseen"}, seen
    assert {c["name"] for c in world.report["checks"]} >= {
        "data", "server", "configuration", "certificate", "clock", "disk", "limits", "queue", "store", "resolver", "domains", "domain example.test",
        "sender " + LONELY, "port 25", "outside", "listener smtp %s 25" % SECOND}
    assert all(set(f) == {"id", "severity", "subject", "problem", "remedy"} and all(f.values()) for f in world.report["findings"])


@contextlib.contextmanager
def alone(world, start=True, data=None, **settings):
    """A server with one domain, on the other address. A setting that is None is left out."""
    with world.networks.here():
        settings = {**world.server.settings, "hostname": LONELY, "listeners.addresses": [SECOND], **settings}
        server = serving.Server({k: v for k, v in settings.items() if v is not None}, host=SECOND, data=data)
        server.offset = 0
        try:
            server.make("alice")
            world.sign(server, "example.test")
            if start:
                server.start()
            yield server
        finally:
            server.remove()


@contextlib.contextmanager
def sink_at_25(world):
    with world.networks.there():
        sink = Sink(place=(WORLD, 25))
    try:
        yield sink
    finally:
        sink.close()


@pytest.mark.parametrize("name", HOSTS)
def test_a_host(world, name):
    host = name + ".host.example"
    of_hosts = {"dns.host.elsewhere", "dns.host.other", "dns.tlsa.missing", "dns.tlsa.mismatch", "dns.tlsa.unusable", "dns.tlsa.unproved", "dns.caa.forbids"}
    ids = {i for i, subject in world.doctor("--set", "hostname=" + host) if subject in (host, "_25._tcp." + host)}
    assert ids & of_hosts == HOSTS[name][1]


def test_keys_are_announced_and_tls_is_off(world):
    options = ["--set", "tls.enabled=false", "--set", "listeners.addresses=127.0.0.1", "--set", "outbound.own-addresses=" + OURS]
    ids = world.ids(*options)
    assert {"dns.tlsa.without-tls", "tls.off", "listener.loopback"} <= ids
    assert not {"dns.tlsa.without-tls", "tls.off", "listener.loopback"} & world.ids()


@pytest.mark.parametrize("pointers,hosts,expected", [
    ([HOST], {}, set()), ([], {}, {"sender.ptr.missing"}), (["strange.example"], {}, {"sender.ptr.unconfirmed"}),
    (["provider.example"], {("provider.example", "A"): [OURS]}, {"sender.ptr.other"}), (["provider.example", HOST], {("provider.example", "A"): [OURS]}, set())])
def test_names_of_the_address_that_mail_comes_from(world, pointers, hosts, expected):
    records = world.zones.rest.records
    kept = dict(records)
    try:
        records.pop(("1.0.0.11.in-addr.arpa", "PTR"))
        records.update({**hosts, ("1.0.0.11.in-addr.arpa", "PTR"): pointers} if pointers else {})
        assert {i for i, subject in world.doctor() if subject == OURS} == expected
    finally:
        records.clear()
        records.update(kept)


@pytest.mark.parametrize("name,expected", [(HOST, set()), ("nobody.example", {"sender.name.unresolved"}), ("strange.example", {"sender.name.other"})])
def test_the_name_that_others_are_told(world, name, expected):
    of_names = {"sender.name.unresolved", "sender.name.other"}
    assert world.ids("--set", "outbound.hostname=" + name) & of_names == expected


def test_what_the_resolver_does(world):
    of_resolvers = {"dns.resolver.fails", "dns.resolver.forges", "dns.resolver.unproved", "dns.resolver.trusting"}
    assert not of_resolvers & world.ids()
    assert world.ids("--set", "dns.trust-anchor=none") & of_resolvers == {"dns.resolver.trusting"}
    # The root of this world has no signatures.
    assert world.ids("--set", "dns.trust-anchor=root") & of_resolvers == {"dns.resolver.forges"}
    world.zones.rest.failing[(".", "NS")] = SERVFAIL
    try:
        assert world.ids() & of_resolvers == {"dns.resolver.fails"}
    finally:
        del world.zones.rest.failing[(".", "NS")]


def test_other_servers_are_reached_or_not(world):
    of_reach = {"outbound.unseen", "outbound.blocked"}
    assert world.ids() & of_reach == {"outbound.unseen"}
    with sink_at_25(world) as sink:
        assert not world.ids("--reach", "relay.world.example") & of_reach
        assert not world.ids("--reach", WORLD + ":25") & of_reach
        assert sink.connections == 2
    assert world.ids("--reach", "closed.world.example") & of_reach == {"outbound.blocked"}
    r = world.server.cli("doctor", "--reach", "a:b:c", check=False)
    assert r.returncode == 64


@pytest.mark.parametrize("options,expected", [
    ([], set()), (["days=3"], {"tls.expires-in-a-week"}), (["days=20"], {"tls.expires-in-a-month"}), (["hosts"], {"tls.names"}),
    (["chain"], {"tls.incomplete"}), (["untrusted"], {"tls.unknown-root"}), (["key"], {"tls.unusable"}), (["own"], {"tls.self-signed"}),
    (["missing"], {"tls.not-made"})])
def test_the_certificate(world, options, expected, tmp_path):
    what = "".join(options)
    days = int(what.split("=")[1]) if "=" in what else 200
    settings = world.authority.issue("other", ["elsewhere.example"] if what == "hosts" else [HOST], days, () if what == "chain" else ("between", "root"))
    if what == "key":
        settings["tls.key"] = world.authority.path("root.key")
    if what in ("own", "missing"):
        # That of a server without one in its settings.
        with alone(world, start=what == "own", **{"tls.certificate": None, "tls.key": None}) as server:
            found = world.doctor(server=server)
    else:
        found = world.doctor(*(w for k, v in settings.items() for w in ("--set", "%s=%s" % (k, v))), trusted=what != "untrusted")
    # The server has another.
    assert {i for i, subject in found if i.startswith("tls.") and subject.endswith((".chain", ".pem"))} - {"tls.not-loaded"} == expected


def test_all_certificates_are_looked_at_and_named(world):
    """Of several pairs, each finding names its own."""
    a = world.authority
    first = a.issue("first", [LONELY], chain=("between", "root"))
    files = {name: a.issue("further-" + name, hosts, days, ("between", "root")) for name, hosts, days in (
        ("good", ["good.example.test"], 200), ("old", ["old.example.test"], 3), ("open", ["open.example.test"], 200), ("same", [LONELY], 200))}
    pairs = {name: (f["tls.certificate"], f["tls.key"]) for name, f in files.items()}
    shutil.copyfile(pairs["good"][0], a.path("key.chain"))
    pairs["key"] = (a.path("key.chain"), a.path("root.key"))
    pairs["missing"] = (a.path("nowhere.pem"), a.path("root.key"))
    os.chmod(pairs["open"][1], 0o644)
    with alone(world, **first, **{"tls.certificates": ["'%s:%s'" % p for p in pairs.values()]}) as server:
        found = [f for f in world.doctor(server=server) if f[0].startswith("tls.")]
        assert sorted(found) == sorted([
            ("tls.expires-in-a-week", pairs["old"][0]), ("tls.key-open", pairs["open"][1]), ("tls.unshown", pairs["same"][0]),
            ("tls.unusable", pairs["key"][0]), ("tls.unusable", pairs["missing"][0])]), world.report
        assert {c["name"]: c["severity"] for c in world.report["checks"]}["certificate " + pairs["good"][0]] == "ok"
        # One that was renewed, and that the server was not told of, or it has just looked by itself.
        a.issue("further-good", ["good.example.test"], 200, ("between", "root"))
        assert ("tls.not-loaded", pairs["good"][0]) in world.doctor(server=server) or "are read again" in server.log_text()


@contextlib.contextmanager
def announced(world, *records):
    """The zone of the one domain, with these records besides."""
    before = world.zones.texts["example.test"]
    world.zones.put("example.test", before + "\n".join(records) + "\n")
    try:
        yield
    finally:
        world.zones.put("example.test", before)


def policies(world, server, **options):
    return {f["id"]: f["problem"] for f in (world.doctor(server=server, **options), world.report["findings"])[1] if f["id"].startswith("mta-sts.")}


def test_whether_others_can_fetch_the_policy_for_tls(world):
    mine = "mta-sts IN A " + SECOND
    served = {"listeners.https.enabled": True, "mta-sts.mode": "testing"}
    both = world.authority.issue("both", [LONELY, "mta-sts.example.test"])
    with alone(world, **served, **both) as server:
        assert "has no address" in policies(world, server)["mta-sts.unfetchable"]
        with announced(world, mine):
            assert policies(world, server) == {}
            assert "no authority that is trusted" in policies(world, server, trusted=False)["mta-sts.unfetchable"]
        with announced(world, "mta-sts IN A 10.0.0.9"):
            assert "10.0.0.9" in policies(world, server)["mta-sts.unfetchable"]
        # Who is behind something that has the address is not who can tell.
        with announced(world, "mta-sts IN A 11.0.0.77"):
            ids = {f["id"] for f in (world.doctor("--set", "outbound.own-addresses=11.0.0.77", server=server), world.report["findings"])[1]}
            assert "mta-sts.unseen" in ids and "mta-sts.unfetchable" not in ids
    with alone(world, **served, **world.authority.issue("host-alone", [LONELY])) as server, announced(world, mine):
        assert "is for mail.example.test, not for mta-sts.example.test" in policies(world, server)["mta-sts.unfetchable"]
    # One that DNS announces, and nobody serves.
    with alone(world) as server:
        assert policies(world, server) == {}
        with announced(world, mine, "_mta-sts IN TXT \"v=STSv1; id=1\""):
            problem = policies(world, server)["mta-sts.unfetchable"]
            assert "Connection refused" in problem and "https does not listen here" in problem
            with web(world, SECOND, 443, *both.values()):
                assert "the answer is 404" in policies(world, server)["mta-sts.unfetchable"]


@contextlib.contextmanager
def web(world, address, port, certificate=None, key=None, status=404, text=b"<html>"):
    """A web server of somebody else's."""
    class Page(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with world.networks.here():
        server = http.server.ThreadingHTTPServer((address, port), Page, bind_and_activate=False)
        server.allow_reuse_address = True
        server.server_bind()
        server.server_activate()
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def test_the_ca_and_the_program_that_changes_the_zone(world):
    issuing = {"tls.certificate": None, "tls.key": None, "acme.enabled": True, "acme.agrees-to-terms": True, "acme.challenge": "dns-01",
               "acme.hook": world.authority.path("hook"), "acme.directory": "https://closed.world.example:14000/dir"}
    with alone(world, start=False, **issuing) as server:
        found = world.doctor(server=server)
        assert ("acme.unreachable", "acme") in found and ("acme.hook", world.authority.path("hook")) in found
        problem, = [f["problem"] for f in world.report["findings"] if f["id"] == "acme.unreachable"]
        assert "the CA is not reached: Connection refused" in problem
        with open(world.authority.path("hook"), "w") as f:
            f.write("#!/bin/sh\n")
        assert ("acme.hook", world.authority.path("hook")) in world.doctor(server=server)
        os.chmod(world.authority.path("hook"), 0o700)
        assert "acme.hook" not in world.ids(server=server)


def test_in_whose_name_reports_go_out(world):
    of_reports = {"reports.from.foreign", "reports.from.unusable"}
    assert not of_reports & world.ids()
    assert not of_reports & world.ids("--set", "reports.from=reports@Good.example")
    assert of_reports & world.ids("--set", "reports.from=reports@strange.example") == {"reports.from.foreign"}
    assert not of_reports & world.ids("--set", "reports.from=reports@strange.example", "--set", "reports.send=false")


def test_a_domain_that_dns_cannot_be_asked_for(world):
    with alone(world, start=False) as server:
        assert "domains.unusable" not in world.ids(server=server)
        added = server.cli("domain", "add", "\u2603.example", check=False)
        if added.returncode == 0:
            assert ("domains.unusable", "\u2603.example") in world.doctor(server=server)
            assert "reports.from.unusable" in world.ids("--set", "domain=\u2603.example", server=server)
        else:
            assert "\u2603.example" in added.stderr


def test_a_renewed_certificate_that_the_server_was_not_told_of(world):
    settings = world.authority.issue("renewed", [LONELY])
    with alone(world, **settings) as server:
        assert "tls.not-loaded" not in world.ids(server=server)
        world.authority.issue("renewed", [LONELY])
        # Or it has just looked by itself.
        assert "tls.not-loaded" in world.ids(server=server) or "are read again" in server.log_text()
        server.process.send_signal(signal.SIGHUP)
        server.log_with("Certificates read")
        assert "tls.not-loaded" not in world.ids(server=server)


def test_a_server_behind_a_proxy_of_this_machine(world):
    """Who looks comes from where the proxy is, and says so as the proxy's own checks do."""
    with alone(world, **{"listeners.proxies": [SECOND]}) as server:
        assert not {i for i in world.ids(server=server) if i.startswith("listener.")}, (world.report, server.log_text())
        assert "no PROXY header" not in server.log_text()


def test_a_server_that_does_not_answer(world):
    with alone(world) as server:
        server.process.send_signal(signal.SIGSTOP)
        try:
            assert ("data.unusable", server.data) in world.doctor("--deadline", "1", server=server)
        finally:
            server.process.send_signal(signal.SIGCONT)


def test_the_configuration(world):
    assert "hostname.short" in world.ids("--set", "hostname=vm") and "hostname.short" not in world.ids()
    assert "listener.port" in world.ids("--set", "listeners.smtp.port=2525")
    assert not {"listener.port", "outbound.off"} & world.ids()
    assert "outbound.off" in world.ids("--set", "outbound.enabled=false")
    assert {"dns.host.unknown", "sender.unknown"} <= world.ids("--set", "listeners.addresses=127.0.0.1")
    assert not {"dns.host.unknown", "sender.unknown"} & world.ids()


def test_a_service_that_does_not_answer_and_one_that_is_a_stranger(world):
    ids = {"listener.silent", "listener.stranger", "server.stopped"}
    assert not [f for f in world.doctor() if f[0] in ids], world.report
    assert ids & world.ids("--set", "listeners.imap.port=2143") == {"listener.silent"}
    with world.networks.here():
        stranger = socket.create_server((OURS, 2025))
    threading.Thread(target=lambda: greet(stranger), daemon=True).start()
    with stranger:
        assert ids & world.ids("--set", "listeners.smtp.port=2025") == {"listener.stranger"}
        with alone(world, start=False) as server:
            assert ids & world.ids("--set", "listeners.addresses=" + OURS, server=server) == {"listener.stranger", "server.stopped"}
            assert ids & world.ids(server=server) == {"server.stopped"}


def test_strangers_at_ports_with_tls(world):
    """Whatever answers there is no TLS of ours: it is named, and no service is said to be silent."""
    ids = {"listener.silent", "listener.stranger", "listener.forbidden"}
    on = ["--set", "listeners.https.enabled=true", "--set", "listeners.https.port=2443"]
    assert ids & world.ids(*on) == {"listener.silent"}

    def stranger():
        assert ids & world.ids(*on) == {"listener.stranger"}
        problem, = [f["problem"] for f in world.report["findings"] if f["id"] == "listener.stranger"]
        return problem

    with web(world, OURS, 2443):
        assert "speaks no TLS" in stranger() and "HTTP/1.1 404" in stranger()
    leaf = world.server.settings
    with web(world, OURS, 2443, leaf["tls.certificate"], leaf["tls.key"]):
        assert "HTTP/1.1 404" in stranger()
    with web(world, OURS, 2443, leaf["tls.certificate"], leaf["tls.key"], status=200):
        assert "HTTP/1.1 200" in stranger()
    with world.networks.here():
        other = socket.create_server((OURS, 2993))
    threading.Thread(target=lambda: greet(other), daemon=True).start()
    with other:
        assert ids & world.ids("--set", "listeners.imaps.port=2993") == {"listener.stranger"}
        assert "220 other.example ESMTP" in json.dumps(world.report)
        with alone(world, start=False) as server:
            assert ids & world.ids("--set", "listeners.addresses=" + OURS, "--set", "listeners.imaps.port=2993", server=server) == {"listener.stranger"}


def test_ports_that_may_not_be_opened(world):
    """By who may not bind ports below 1024, and at an address that this machine does not have."""
    ids = {"listener.silent", "listener.forbidden", "server.stopped"}
    without = ("setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service", "--")
    with alone(world, start=False) as server:
        assert ids & world.ids(server=server) == {"server.stopped"}
        found = world.doctor(server=server, through=without)
        assert {s for i, s in found if i == "listener.forbidden"} == {"%s at %s port %d" % (n, SECOND, p) for n, p in serving.PORTS.items()}, found
        assert "Permission denied" in json.dumps(world.report)
        assert "Cannot assign requested address" in json.dumps(
            (world.doctor("--set", "listeners.addresses=11.0.0.200", server=server), world.report)[1])
    # The running server was not let have a port for the web, and serves mail all the same.
    assert ids & world.ids("--set", "listeners.https.enabled=true", through=without) == {"listener.forbidden"}


def greet(listener):
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with peer:
            peer.sendall(b"220 other.example ESMTP\r\n")


def test_the_disk(world):
    of_disks = {"disk.full", "disk.low", "disk.memory", "disk.files-low"}
    assert not of_disks & world.ids()
    assert "disk.full" in world.ids("--set", "limits.free-floor=16384G")
    assert not [n for n in os.listdir(world.server.data) if "doctor" in n]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, alone(world, start=False, data=os.path.join(memory, "data")) as server:
        assert "disk.memory" in world.ids(server=server)


def test_the_data_folder(world):
    of_folders = {"data.missing", "data.open", "data.foreign", "data.unusable", "data.key-missing"}
    assert not of_folders & world.ids()
    assert of_folders & world.ids("--data", world.server.top + "/nowhere") == {"data.missing"}
    os.chmod(world.server.data, 0o750)
    assert of_folders & world.ids() == {"data.open"}
    os.chmod(world.server.data, 0o700)
    os.chmod(world.server.key, 0o644)
    assert of_folders & world.ids() == {"data.open"}
    os.chmod(world.server.key, 0o600)
    os.rename(world.server.key, world.server.key + ".away")
    assert of_folders & world.ids() == {"data.key-missing"}
    os.rename(world.server.key + ".away", world.server.key)
    with alone(world, start=False) as server:
        assert not of_folders & world.ids(server=server)
        os.chown(server.data, 65534, -1)
        assert "data.foreign" in world.ids(server=server)
        os.chown(server.data, os.geteuid(), -1)
        with open(os.path.join(server.data, "index.db"), "r+b") as f:
            f.write(b"\0" * 100)
        assert of_folders & world.ids(server=server) == {"data.unusable"}


def test_how_many_files_may_be_open(world):
    assert "limits.files" not in world.ids("--set", "limits.connections=1000")
    assert "limits.files" in world.ids("--set", "limits.connections=1000000")


def test_no_domains(world):
    with alone(world, start=False) as server:
        assert "domains.none" not in world.ids(server=server)
        server.cli("account", "remove", server.address("alice"))
        server.cli("domain", "remove", "example.test")
        assert "domains.none" in world.ids(server=server)


def test_the_queue_and_the_store(world):
    with alone(world, **{"outbound.enabled": False}) as server:
        assert not {"queue.held", "store.damaged"} & world.ids(server=server)
        with world.networks.here(), SMTP(server.host, server.port("submissions"), tls=True) as smtp:
            sender = server.address("alice")
            assert smtp.auth_plain(sender, server.passwords["alice"])[0] == 235
            assert smtp.deliver(sender, ["bea@strange.example", sender], b"Subject: x\r\n\r\n" + b"A wren.\r\n" * 1000)[0] == 250
            entry = json.loads(server.cli("queue", "list", "--json").stdout)[0]["id"]
            server.cli("queue", "hold", entry)
        assert world.ids(server=server) & {"queue.held", "store.damaged", "outbound.off"} == {"queue.held", "outbound.off"}
        server.stop()
        segments = os.path.join(server.data, "segments")
        for name in os.listdir(segments):
            path = os.path.join(segments, name)
            with open(path, "rb") as f:
                text = f.read()
            with open(path, "r+b") as f:
                f.seek(len(text.rstrip(b"\0")) - 40)
                f.write(bytes(8))
        assert "store.damaged" in world.ids(server=server)


def test_what_people_read(world):
    with world.networks.here():
        r = world.server.cli("doctor", "--set", "hostname=vm", check=False)
    assert r.returncode == 2 and not r.stderr and "\x1b" not in r.stdout
    severities = [l.split("  ")[0] for l in r.stdout.splitlines() if not l.startswith("    ")]
    order = ["error", "warning", "advice", "cannot see", "ok"]
    assert severities == sorted(severities, key=order.index) and set(severities) == set(order)
    assert "[hostname.short]" in r.stdout and "    fix: set hostname" in r.stdout


def test_the_time_that_it_may_take(world):
    """Names that nobody answers, and a deadline before them."""
    world.zones.rest.silent.add(".")
    try:
        assert ("check.unfinished", "resolver") in world.doctor("--deadline", "1")
    finally:
        world.zones.rest.silent.clear()
