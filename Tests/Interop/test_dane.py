"""DANE (RFC 7672) with Postfix, both ways, in a network and a DNS of their own: signed, forged and plain zones, and whoever cannot prove who it is."""
import email.message
import hashlib
import json
import os
import re
import shutil
import smtplib
import subprocess
import tempfile

import pytest
import server as serving
from conftest import Account
from nameserver import NOTIMP
from networks import Networks, needed as network_needed
from peers import Postfix, needs
from wire import SMTP
from zones import Zones, needed as zones_needed, zone

pytestmark = [pytest.mark.own, network_needed, zones_needed, needs("postfix", "unbound", "openssl")]

OURS = "11.0.0.1"
#: Postfix's services: where each listens, and what it shows: a certificate's name there.
HOSTS = {"good": ("11.0.0.2", "good"), "other": ("11.0.0.3", "other"), "bare": ("11.0.0.4", None), "elsewhere": ("11.0.0.5", "elsewhere"),
         "expired": ("11.0.0.6", "expired")}


class Certificates:
    """An authority, and what it has vouched for."""

    def __init__(self):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="dane-tls-"))
        os.chmod(self.top, 0o755)
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=An authority",
                 "-addext", "keyUsage=critical,keyCertSign", "-out", self.path("authority"), "-keyout", self.path("authority", "key"))
        for name, host in (("good", "good.mx.test"), ("other", "other.mx.test"), ("elsewhere", "elsewhere.example"), ("expired", "nobody.example"),
                           ("martlet", "mail.example.test"), ("next", "mail.example.test")):
            days = "-1" if name == "expired" else "30"
            self.run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + host, "-out",
                     self.path(name, "csr"), "-keyout", self.path(name, "key"))
            with open(self.path(name, "ext"), "w") as f:
                f.write("subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n" % host)
            self.run("x509", "-req", "-in", self.path(name, "csr"), "-CA", self.path("authority"), "-CAkey", self.path("authority", "key"), "-CAcreateserial",
                     "-days", days, "-extfile", self.path(name, "ext"), "-out", self.path(name, "leaf"))
            with open(self.path(name), "w") as f:
                for part in (self.path(name, "leaf"), self.path("authority")):
                    with open(part) as g:
                        f.write(g.read())

    def path(self, name, kind="pem"):
        return os.path.join(self.top, "%s.%s" % (name, kind))

    def run(self, *words, stdin=None):
        r = subprocess.run(["openssl", *words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert r.returncode == 0, r.stderr
        return r.stdout

    def tlsa(self, name, usage, selector=1):
        """The record's data, with SHA-256."""
        octets = self.run("x509", "-in", self.path(name), "-outform", "der")
        if selector:
            octets = self.run("pkey", "-pubin", "-outform", "der", stdin=self.run("x509", "-in", self.path(name), "-noout", "-pubkey"))
        return "%d %d 1 %s" % (usage, selector, hashlib.sha256(octets).hexdigest())


class Resolved(Postfix):
    """One that asks a resolver of ours: a file of its own stands in the place of the machine's."""

    def _postfix(self, word):
        with open(os.path.join(self.top, "resolv.conf"), "w") as f:
            f.write("nameserver 127.0.0.1\noptions edns0 trust-ad\n")
        script = 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec postfix -c "$1" "$2"'
        return subprocess.run(["unshare", "-m", "bash", "-c", script, f.name, self.etc, word], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)


NOBODY = "0" * 64


def zones(c):
    """By what stands in them: hosts in mx.test and forged.test, recipients below rcpt.test."""
    def host(name, place, *records):
        return "\n".join(["%s IN A %s" % (name, HOSTS[place][0])] + ["_25._tcp.%s IN TLSA %s" % (name, r) for r in records])

    hosts = zone("mx.test", "\n".join([
        host("good", "good", c.tlsa("good", 3)), host("rolling", "good", "3 1 1 " + NOBODY, c.tlsa("good", 3)), host("wrong-key", "other", c.tlsa("good", 3)),
        host("anchored", "good", c.tlsa("authority", 2)), host("other", "other", c.tlsa("authority", 2)), host("wrong-name", "elsewhere", c.tlsa("authority", 2, 0)),
        host("expired", "expired", c.tlsa("expired", 3, 0)), host("expired-anchored", "expired", c.tlsa("authority", 2)),
        host("bare", "bare", c.tlsa("good", 3)), host("unusable", "other", "1 1 1 " + NOBODY), host("none", "bare"), "alias IN CNAME good",
        "outside IN CNAME outside.plain.test.", "_25._tcp.outside IN TLSA %s" % c.tlsa("good", 3)]))
    domains = {"good": ["good.mx.test"], "rolling": ["rolling.mx.test"], "wrong-key": ["wrong-key.mx.test"], "wrong-name": ["wrong-name.mx.test"],
               "expired": ["expired.mx.test"], "expired-anchored": ["expired-anchored.mx.test"], "bare": ["bare.mx.test"], "anchored": ["anchored.mx.test"], "other": ["other.mx.test"],
               "unusable": ["unusable.mx.test"], "none": ["none.mx.test"], "alias": ["alias.mx.test"], "outside": ["outside.mx.test"],
               "forged": ["mail.forged.test"], "plain": ["mail.plain.test"], "notimp": ["mail.notimp.example"],
               "second": ["wrong-key.mx.test", "good.mx.test"], "third": ["mail.forged.test", "bare.mx.test", "rolling.mx.test"]}
    lines = ["%s IN MX %d %s." % (name, 10 * (i + 1), h) for name, exchangers in domains.items() for i, h in enumerate(exchangers)]
    return {
        "mx.test": hosts, "rcpt.test": zone("rcpt.test", "\n".join(lines)),
        "forged.test": zone("forged.test", host("mail", "good", c.tlsa("good", 3))),
        # It has records of nobody, and no signature: they mean nothing.
        "plain.test": zone("plain.test", host("mail", "other", "3 1 1 " + NOBODY) + "\nbelow IN MX 10 wrong-key.mx.test.\noutside IN A " + HOSTS["good"][0]),
        "example.test": own_zone(c, "martlet"),
    }


def own_zone(c, *names):
    """Ours, whose server has one of these certificates."""
    return zone("example.test", "@ IN MX 10 mail\nmail IN A %s\n%s" % (
        OURS, "\n".join("_25._tcp.mail IN TLSA " + c.tlsa(name, 3) for name in names)), ttl=1)


#: By the recipients' domain: which of Postfix's services takes it, and whether in TLS; or what is said of it while it waits.
EXPECTED = {
    "good.rcpt.test": ("good", True), "rolling.rcpt.test": ("good", True), "expired.rcpt.test": ("expired", True), "alias.rcpt.test": ("good", True),
    "outside.rcpt.test": ("good", True), "unusable.rcpt.test": ("other", True), "none.rcpt.test": ("bare", False), "plain.rcpt.test": ("other", True),
    "notimp.rcpt.test": ("other", True), "other.rcpt.test": ("other", True), "second.rcpt.test": ("good", True), "third.rcpt.test": ("good", True),
    # Its exchangers' name is in a zone without signature.
    "below.plain.test": ("other", True),
    "wrong-key.rcpt.test": "none of those that DNS has", "bare.rcpt.test": "does not offer STARTTLS",
    "wrong-name.rcpt.test": "the certificate is for elsewhere.example, not for wrong-name.mx.test, wrong-name.rcpt.test",
    "expired-anchored.rcpt.test": "has expired", "forged.rcpt.test": "forged or broken",
    # Nobody of that name is on the certificate: its own is good.mx.test.
    "anchored.rcpt.test": "the certificate is for good.mx.test, not for anchored.mx.test, anchored.rcpt.test",
}


class World:
    def __init__(self):
        self.undo = []
        try:
            self.begin()
        except BaseException:
            self.remove()
            raise

    def begin(self):
        c = self.certificates = Certificates()
        self.undo.append(lambda: shutil.rmtree(c.top, ignore_errors=True))
        addresses = [OURS] + [address for address, _ in HOSTS.values()]
        self.networks = Networks([a + "/24" for a in addresses], ["11.0.0.200/24"])
        self.undo.append(self.networks.remove)
        with self.networks.here():
            texts = zones(c)
            digest = c.tlsa("good", 3).split()[-1]
            self.zones = Zones(texts, signed=["mx.test", "rcpt.test", "example.test"], forged={"forged.test": (digest, NOBODY)})
            self.zones.__enter__()
            self.undo.append(self.zones.__exit__)
            self.zones.rest.records[("mail.notimp.example", "A")] = [HOSTS["other"][0]]
            self.zones.rest.failing[("*", "TLSA")] = NOTIMP
            self.resolver = self.unbound()
            self.postfix = self.make_postfix()
            self.server = serving.Server({
                "outbound.enabled": True, "outbound.retry-first": 1, "outbound.retry-longest": 1, "hostname": "mail.example.test",
                "listeners.addresses": OURS, "tls.certificate": c.path("martlet"), "tls.key": c.path("martlet", "key"), **self.zones.settings}, host=OURS)
            self.undo.append(self.server.remove)
            # This network's ports are all free.
            self.server.offset = 0
            self.server.make("postmaster", "alice").start()

    def unbound(self):
        path = os.path.join(self.zones.top, "unbound.conf")
        with open(path, "w") as f:
            f.write(self.zones.unbound("127.0.0.1", 53))
        with open(path + ".log", "w") as log:
            process = subprocess.Popen(["unbound", "-d", "-c", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def end():
            process.terminate()
            process.wait(30)
        self.undo.append(end)
        assert serving.until(lambda: process.poll() is None and listens(53), 30), open(path + ".log").read()
        return process

    def make_postfix(self):
        c = self.certificates
        services = {"in": {"smtpd_tls_security_level": "none"}}
        for name, (address, shown) in HOSTS.items():
            services[name] = ({"smtpd_tls_cert_file": c.path(shown), "smtpd_tls_key_file": c.path(shown, "key")} if shown else
                              {"smtpd_tls_security_level": "none"})
        Resolved.MASTER = Postfix.MASTER + "discard unix - - n - - discard\n"
        postfix = Resolved(services, {}, {
            "mynetworks": "127.0.0.0/8 11.0.0.0/24", "inet_interfaces": " ".join(["127.0.0.1"] + [a for a, _ in HOSTS.values()]), "disable_dns_lookups": "no", "smtp_host_lookup": "dns",
            "smtp_dns_support_level": "dnssec", "smtp_tls_security_level": "dane", "default_transport": "smtp", "relayhost": "",
            "transport_maps": "inline:{ { .rcpt.test = discard: }, { below.plain.test = discard: } }"},
            places={name: (address, 25) for name, (address, _) in HOSTS.items()})
        self.undo.append(postfix.remove)
        return postfix.start()

    def queue(self):
        return json.loads(self.server.cli("queue", "list", "--json").stdout)

    def remove(self):
        for undo in reversed(self.undo):
            if hasattr(self, "networks") and undo != self.networks.remove:
                with self.networks.here():
                    undo()
            else:
                undo()


def listens(port):
    import socket
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def sent(world):
    """What became of mail to each domain: where it came, as Postfix has it; and what is still in the queue, as Martlet has it."""
    sender = world.server.address("alice")
    with world.networks.here():
        with SMTP(OURS, world.server.port("submissions"), tls=True) as smtp:
            assert smtp.auth_plain(sender, world.server.passwords["alice"])[0] == 235
            for name in EXPECTED:
                code, said = smtp.deliver(sender, ["bea@" + name], b"Subject: x\r\n\r\nA wren.\r\n")
                assert code == 250, (name, said)
        waiting = {name for name, expected in EXPECTED.items() if isinstance(expected, str)}

        def left():
            return {e["recipients"][0]["address"].split("@")[1]: e["recipients"][0] for e in world.queue()}
        serving.until(lambda: set(left()) == waiting and all(r.get("attempts") for r in left().values()), 90)
        return arrivals(world.postfix.log_text()), left(), [email.message_from_bytes(t) for t in Account(world.server, "alice").bodies().values()]


def arrivals(log):
    """{domain: [(service, in TLS)]}"""
    connections, came, found = {}, {}, {}
    for line in log.splitlines():
        m = re.search(r"postfix/(\w+)/smtpd\[(\d+)\]: (.*)", line)
        if m:
            service, pid, words = m.groups()
            if words.startswith("connect from"):
                connections[pid] = False
            elif "TLS connection established from" in words:
                connections[pid] = True
            elif m := re.match(r"([0-9A-F]+): client=", words):
                came[m[1]] = (service, connections[pid])
        elif m := re.search(r"postfix/discard\[\d+\]: ([0-9A-F]+): to=<[^@]*@([^>]*)>.*status=sent", line):
            found.setdefault(m[2], []).append(came[m[1]])
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_mail_goes_to_who_proves_who_it_is(world, sent, name):
    came, left, reports = sent
    expected = EXPECTED[name]
    if isinstance(expected, tuple):
        assert came.get(name) == [expected] and name not in left, (left.get(name), world.server.log_text()[-3000:])
    else:
        assert name not in came and expected in json.dumps(left[name]), left.get(name)
    assert not reports


def submit(world, name):
    """Hands it to Postfix; and where its log went on from."""
    since = len(world.postfix.log_text())
    with world.networks.here(), smtplib.SMTP("127.0.0.1", world.postfix.ports["in"]) as smtp:
        message = email.message.EmailMessage()
        message["Subject"] = name
        message.set_content("A wren.")
        smtp.send_message(message, "bea@good.rcpt.test", [world.server.address("alice")])
    return since


def logged(world, pattern, since):
    return serving.until(lambda: re.search(pattern, world.postfix.log_text()[since:]), 60)


def subjects(world):
    with world.networks.here():
        return sorted(email.message_from_bytes(text)["Subject"] for text in Account(world.server, "alice").bodies().values())


def test_postfix_proves_who_we_are(world):
    """Our record, then one of another key, then both."""
    c = world.certificates
    since = submit(world, "first")
    assert logged(world, "status=sent", since), world.postfix.log_text()[since:]
    text = world.postfix.log_text()[since:]
    assert "Verified TLS connection established to mail.example.test[%s]:25" % OURS in text, text
    assert subjects(world) == ["first"]
    with world.networks.here():
        world.zones.put("example.test", own_zone(c, "next"))
    # What the resolver knows of the old record ends in a second.
    assert serving.until(lambda: c.tlsa("next", 3).split()[-1] in tlsa_of_ours(world), 30)
    restart(world)
    since = submit(world, "second")
    assert logged(world, "status=deferred.*Server certificate not verified", since), world.postfix.log_text()[since:]
    assert subjects(world) == ["first"]
    with world.networks.here():
        world.zones.put("example.test", own_zone(c, "martlet", "next"))
    assert serving.until(lambda: c.tlsa("martlet", 3).split()[-1] in tlsa_of_ours(world), 30)
    restart(world)
    assert logged(world, "status=sent", since), world.postfix.log_text()[since:]
    assert subjects(world) == ["first", "second"]


def restart(world):
    """Its processes know an old record for a while longer than DNS says."""
    with world.networks.here():
        world.postfix.stop()
        world.postfix.start()


def tlsa_of_ours(world):
    with world.networks.here():
        return subprocess.run(["drill", "@127.0.0.1", "_25._tcp.mail.example.test", "TLSA"], stdout=subprocess.PIPE, text=True, timeout=30).stdout.lower()


def test_whose_sender_wants_more_or_less(world):
    """RFC 8689: REQUIRETLS goes to nobody who does not offer it, and to nobody who is not proved; `TLS-Required: No` goes to whoever there is."""
    sender = world.server.address("alice")
    since = len(world.postfix.log_text())
    with world.networks.here():
        with SMTP(OURS, world.server.port("submissions"), tls=True) as smtp:
            assert "REQUIRETLS" in smtp.extensions
            assert smtp.auth_plain(sender, world.server.passwords["alice"])[0] == 235
            for parameter, name, field in ((" REQUIRETLS", "good.rcpt.test", b""), (" REQUIRETLS", "below.plain.test", b""),
                                           ("", "wrong-key.rcpt.test", b"TLS-Required: No\r\n")):
                assert smtp.command("MAIL FROM:<%s>%s" % (sender, parameter))[0] == 250
                assert smtp.command("RCPT TO:<cara@%s>" % name)[0] == 250
                assert smtp.command("DATA")[0] == 354
                assert smtp.command(field + b"Subject: between us\r\n\r\nA secret wren.\r\n.")[0] == 250
        with SMTP(OURS, world.server.port("smtp")) as smtp:
            assert "REQUIRETLS" not in smtp.extensions

        def told():
            reports = [email.message_from_bytes(text) for text in Account(world.server, "alice").bodies().values()]
            return {part["Final-Recipient"].split("@")[1]: (part["Status"], report) for report in reports if report.is_multipart()
                    for part in report.get_payload(1).get_payload()[1:]}
        assert serving.until(lambda: not any(e["recipients"][0]["address"].startswith("cara") for e in world.queue()), 60)
        found = told()
    assert {name: status for name, (status, _) in found.items()} == {"good.rcpt.test": "5.7.30", "below.plain.test": "5.7.10"}
    # Of what was to be protected nothing but the header comes back.
    assert all(report.get_payload(2).get_content_type() == "text/rfc822-headers" and b"secret" not in bytes(report) for _, report in found.values())
    assert arrivals(world.postfix.log_text()[since:]) == {"wrong-key.rcpt.test": [("other", True)]}
