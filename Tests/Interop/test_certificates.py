"""Certificates of a CA of strangers' (pebble), by configuration alone; and files of certificates that change. RFC 8555, RFC 8737."""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request

import pytest
import server as serving
from conftest import need, run
from peers import free_ports
from wire import IMAP

pytestmark = [pytest.mark.own, need("pebble"), need("pebble-challtestsrv"), need("openssl")]
HOST = "mail.example.test"
ISSUED = "There is a new certificate"
TLS_FROM_THE_FIRST = ("imaps", "pop3s", "submissions")


def own_certificate(folder, name, *hosts):
    """Paths of a certificate that nobody vouches for, and of its key."""
    paths = [os.path.join(folder, name + kind) for kind in (".pem", ".key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=" + hosts[0],
                    "-addext", "subjectAltName=" + ",".join(hosts), "-out", paths[0], "-keyout", paths[1]], check=True, stderr=subprocess.DEVNULL)
    return paths


class Pebble:
    """A CA, with a name server that says 127.0.0.1 to everything. It looks at the ports that it is told when it starts."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="pebble-")
        self.port, self.management, self.dns, self.names = free_ports(4)
        self.directory = "https://localhost:%d/dir" % self.port
        self.certificate, self.key = own_certificate(self.top, "ca", "DNS:localhost", "IP:127.0.0.1")
        self.processes = []

    def start(self, http, tls, **environment):
        with open(os.path.join(self.top, "p.json"), "w") as f:
            json.dump({"pebble": {"listenAddress": "127.0.0.1:%d" % self.port, "managementListenAddress": "127.0.0.1:%d" % self.management,
                                  "certificate": self.certificate, "privateKey": self.key, "httpPort": http, "tlsPort": tls,
                                  # As long as CAs of the world let them be.
                                  "certificateValidityPeriod": 90 * 86400}}, f)
        self.run("pebble-challtestsrv", "-dns01", "127.0.0.1:%d" % self.dns, "-management", "127.0.0.1:%d" % self.names, "-http01", "", "-https01", "",
                 "-tlsalpn01", "", "-defaultIPv6", "", said="Starting management server")
        self.run("pebble", "-config", "p.json", "-strict", "-dnsserver", "127.0.0.1:%d" % self.dns, said="ACME directory available",
                 PEBBLE_VA_NOSLEEP="1", **environment)

    def run(self, *words, said, **environment):
        p = subprocess.Popen(words, cwd=self.top, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.processes.append(p)
        seen = ""
        for line in p.stdout:
            seen += line
            if said in line:
                break
        else:
            raise AssertionError("%s ended:\n%s" % (words[0], seen))
        # Nobody may wait for somebody who reads what it says.
        threading.Thread(target=p.stdout.read, daemon=True).start()

    def asked(self, path):
        context = ssl.create_default_context(cafile=self.certificate)
        # What openssl makes by itself says not all that is asked for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        with urllib.request.urlopen("https://localhost:%d%s" % (self.management, path), context=context, timeout=30) as answer:
            return answer.read().decode()

    def leads(self, host, *addresses):
        """Its name server says that from now on."""
        body = json.dumps({"host": host + ".", "addresses": addresses}).encode()
        urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d/add-a" % self.names, body), timeout=30).close()

    @property
    def naming(self):
        """Settings that have names asked of it."""
        return {"dns.servers": ["127.0.0.1@%d" % self.dns], "dns.trust-anchor": "none", "dns.open-zones": ["test"]}

    def trust(self):
        """What believes the CA's root alone."""
        return ssl.create_default_context(cadata=self.asked("/roots/0"))

    def stop(self):
        for p in self.processes:
            p.kill()
            p.wait()
        self.processes = []

    def remove(self):
        self.stop()
        shutil.rmtree(self.top, ignore_errors=True)


class World:
    """A server, and the CA that looks at its ports."""

    def __init__(self, challenge="http-01", **settings):
        self.ca = Pebble()
        self.server = serving.Server(settings={
            "hostname": HOST, "listeners.https.enabled": True, "listeners.http.enabled": True, "outbound.ip-versions": [4], "acme.enabled": True,
            "acme.agrees-to-terms": True, "acme.directory": self.ca.directory, "acme.root": self.ca.certificate, "acme.allows-private": True,
            "acme.contact": ["postmaster@example.test"], "acme.challenge": challenge, **settings})

    def __enter__(self):
        try:
            s = self.server
            s.make("alice")
            self.ca.start(80 + s.offset, 443 + s.offset, PEBBLE_WFE_NONCEREJECT="20")
            s.start()
            assert ISSUED in s.log_with(ISSUED, timeout=120), s.log_text()[-3000:]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.server.remove()
        self.ca.remove()

    def certificates(self, *words, **options):
        return json.loads(self.server.cli("certificate", *words, "--json", **options).stdout)

    def tlsa(self):
        return [line.split()[-1] for line in self.server.cli("dns", "records", serving.DOMAIN).stdout.splitlines() if "\tTLSA\t" in line]


def shown(server, port, trust, protocols=None):
    """The number of the certificate that is shown, in good order."""
    if protocols:
        trust.set_alpn_protocols(protocols)
    with socket.create_connection((server.host, port), 60) as plain, trust.wrap_socket(plain, server_hostname=HOST) as secure:
        return int(secure.getpeercert()["serialNumber"], 16)


def starttls(server, port, trust, greeting, command):
    with socket.create_connection((server.host, port), 60) as plain:
        stream = plain.makefile("rb")
        stream.readline()
        for line in (greeting + [command]):
            plain.sendall(line + b"\r\n")
            while stream.readline()[3:4] == b"-":
                pass
        with trust.wrap_socket(plain, server_hostname=HOST) as secure:
            return int(secure.getpeercert()["serialNumber"], 16)


def everywhere(world):
    """What all ports with TLS show: one number."""
    s, trust = world.server, world.ca.trust()
    found = {shown(s, s.port(name), trust) for name in TLS_FROM_THE_FIRST} | {shown(s, 443 + s.offset, world.ca.trust(), ["http/1.1"])}
    for name in ("smtp", "submission"):
        found.add(starttls(s, s.port(name), trust, [b"EHLO client.example"], b"STARTTLS"))
    found.add(starttls(s, s.port("imap"), trust, [], b"a STARTTLS"))
    found.add(starttls(s, s.port("pop3"), trust, [], b"STLS"))
    return found


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_a_few_lines_of_configuration_bring_a_certificate(challenge):
    with World(challenge) as world:
        line, = world.certificates("list")
        assert (line["name"], line["source"], line["state"], line["names"]) == (HOST, "acme", "valid", [HOST])
        assert everywhere(world) == {int(line["serial"], 16)}
        assert world.tlsa() == [line["publicKeyDigest"]]


@need("curl")
def test_a_program_of_the_administrators_changes_the_zone():
    world = World("dns-01", **{"acme.names": [HOST, "'*.example.test'"]})
    hook = os.path.join(world.ca.top, "hook")
    with open(hook, "w") as f:
        f.write("#!/bin/sh -e\ncase $1 in add) path=set-txt;; remove) path=clear-txt;; esac\n"
                "exec curl -sf -d \"{\\\"host\\\":\\\"$2.\\\",\\\"value\\\":\\\"$3\\\"}\" http://127.0.0.1:%d/$path\n" % world.ca.names)
    os.chmod(hook, 0o700)
    world.server.settings["acme.hook"] = hook
    world.server.write_configuration()
    with world:
        line, = world.certificates("list")
        assert sorted(line["names"]) == ["*.example.test", HOST]


@pytest.mark.parametrize("settings, names", [
    ({"mta-sts.mode": "testing"}, {"mta-sts", "autoconfig"}), ({}, {"autoconfig"}), ({"mta-sts.mode": "testing", "acme.automatic-names": False}, set())])
def test_names_that_lead_here_are_in_the_certificate_by_themselves(settings, names):
    """One that leads elsewhere is left out alone."""
    world = World(**settings)
    s = world.server
    s.settings.update(world.ca.naming)
    s.write_configuration()
    try:
        s.make("alice")
        world.ca.start(80 + s.offset, 443 + s.offset)
        world.ca.leads("autodiscover." + serving.DOMAIN, "127.0.0.9")
        s.start()
        assert ISSUED in s.log_with(ISSUED, timeout=120), s.log_text()[-3000:]
        line, = world.certificates("list")
        assert set(line["names"]) == {HOST, *(name + "." + serving.DOMAIN for name in names)}
        assert everywhere(world) == {int(line["serial"], 16)}
    finally:
        world.__exit__()


def test_the_doctor_says_whether_the_ca_is_reached():
    with World() as world:
        def found():
            return {f["id"]: f["problem"] for f in json.loads(world.server.cli("doctor", "--json", check=False).stdout)["findings"]}

        assert "acme.unreachable" not in found()
        world.ca.stop()
        assert "Connection refused" in found()["acme.unreachable"]


@pytest.fixture(scope="module")
def issued():
    with World() as world:
        yield world


def test_the_doctor_takes_it_as_it_is(issued):
    checks = {check["name"]: check for check in json.loads(issued.server.cli("doctor", "--json", check=False).stdout)["checks"]}
    assert checks["certificate"]["severity"] == "ok", checks["certificate"]


def test_a_certificate_is_renewed_under_those_who_are_connected():
    with World() as world:
        s = world.server
        first, = world.certificates("list")
        with IMAP(s.host, s.port("imaps"), tls=True) as imap:
            imap.login(s.address("alice"), s.passwords["alice"])
            second, = world.certificates("renew")
            assert second["publicKeyDigest"] == first["publicKeyDigest"] and second["serial"] != first["serial"]
            assert everywhere(world) == {int(second["serial"], 16)}
            # A key that is prepared is published beside the other, and then used.
            prepared, = world.certificates("prepare-key")
            assert prepared["publicKeyDigest"] == first["publicKeyDigest"] and prepared["serial"] == second["serial"]
            assert world.tlsa() == [first["publicKeyDigest"], prepared["nextPublicKeyDigest"]]
            third, = world.certificates("renew", "--new-key")
            assert third["publicKeyDigest"] == prepared["nextPublicKeyDigest"] and everywhere(world) == {int(third["serial"], 16)}
            assert imap.command("NOOP")


def test_a_certificate_that_is_revoked_is_replaced():
    with World() as world:
        first, = world.certificates("list")
        since = len(world.server.log_text())
        world.certificates("revoke", "--reason", "key-compromise")
        assert ISSUED in world.server.log_with(ISSUED, since, timeout=120)
        second, = world.certificates("list")
        assert second["state"] == "valid" and second["publicKeyDigest"] != first["publicKeyDigest"]
        assert everywhere(world) == {int(second["serial"], 16)}
        assert "Revoked" in world.ca.asked("/cert-status-by-serial/" + first["serial"])


def test_without_a_ca_the_certificate_stays():
    with World() as world:
        s, trust = world.server, world.ca.trust()
        first, = world.certificates("list")
        world.ca.stop()
        refused = s.cli("certificate", "renew", check=False)
        assert refused.returncode == 75 and "the CA is not reached" in refused.stderr
        line, = world.certificates("list")
        assert line["serial"] == first["serial"] and "the CA is not reached" in line["fault"] and line["heldUntil"]
        assert shown(s, s.port("imaps"), trust) == int(first["serial"], 16)
        # It is kept over a start, and known while no server runs.
        assert s.stop() == 0
        assert world.certificates("list")[0]["serial"] == first["serial"]
        refused = s.cli("certificate", "renew", check=False)
        assert refused.returncode == 69 and "no server runs" in refused.stderr
        s.start()
        assert shown(s, s.port("imaps"), trust) == int(first["serial"], 16)


def test_files_are_read_again(own_server, tmp_path):
    pair = own_certificate(str(tmp_path), "own", "DNS:" + HOST)
    other = own_certificate(str(tmp_path), "other", "DNS:other.example.test")
    s = own_server("alice", settings={"hostname": HOST, "tls.certificate": pair[0], "tls.key": pair[1], "tls.certificates": ["'%s:%s'" % tuple(other)]})

    def digests(name=HOST):
        context = ssl._create_unverified_context()
        with socket.create_connection((s.host, s.port("imaps")), 60) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
            return secure.getpeercert(binary_form=True)

    def reload(said):
        since = len(s.log_text())
        s.process.send_signal(signal.SIGHUP)
        assert said in s.log_with(said, since)

    first = digests()
    assert s.cli("certificate", "list").stdout.count("\tself-signed\tvalid until ") == 2
    assert digests("other.example.test") == ssl.PEM_cert_to_DER_cert(open(other[0]).read())
    with IMAP(s.host, s.port("imaps"), tls=True) as imap:
        own_certificate(str(tmp_path), "own", "DNS:" + HOST)
        reload("Certificates read again")
        second = digests()
        assert second != first and second == ssl.PEM_cert_to_DER_cert(open(pair[0]).read())
        with open(pair[0], "w") as f:
            f.write("no certificate")
        own_certificate(str(tmp_path), "other", "DNS:other.example.test")
        reload("what was read before stays")
        assert digests() == second
        # It holds up no other, and no command that could say what is wrong.
        assert digests("other.example.test") == ssl.PEM_cert_to_DER_cert(open(other[0]).read())
        assert [line["state"] for line in json.loads(s.cli("certificate", "list", "--json").stdout)] == ["damaged", "valid"]
        assert s.cli("account", "list").returncode == 0
        refused = s.cli("config", "check", check=False)
        assert refused.returncode == 78 and pair[0] in refused.stderr
        assert imap.command("NOOP")


@pytest.mark.parametrize("names, words", [(TLS_FROM_THE_FIRST + ("https",), []), (("smtp", "submission"), ["smtp"]), (("imap",), ["imap"]), (("pop3",), ["pop3"])])
def test_mozilla_finds_nothing_wrong(issued, names, words):
    """Mozilla's intermediate profile, with the CA's root, at every port with TLS."""
    root = os.path.join(issued.ca.top, "root.pem")
    with open(root, "w") as f:
        f.write(issued.ca.asked("/roots/0"))
    places = ["127.0.0.1:%d" % (443 + issued.server.offset if name == "https" else issued.server.port(name)) for name in names]
    starttls = [word for protocol in words for word in ("--starttls", protocol)]
    code, said = run(sys.executable, "-m", "sslyze", "--mozilla_config=intermediate", "--sni", HOST, "--certinfo_ca_file", root, *starttls, *places)
    assert code == 0 and said.count(b"OK - Compliant.") == len(places), said[-4000:]
