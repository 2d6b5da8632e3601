"""Certificates that clients show, at a line protocol's port and at the web's; and who a session that is resumed belongs to. RFC 8446 §2.2, §4.4.2.4; RFC 5077."""
import itertools
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess

import pytest
import server as serving
from conftest import need

pytestmark = [pytest.mark.own, need("openssl")]
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Authority:
    """A root, and clients of its."""

    def __init__(self, folder, name="clients"):
        self.folder, self.root = str(folder), os.path.join(str(folder), name + ".pem")
        self.name = name
        self._openssl("req", "-x509", *self._key(name), "-days", "30", "-subj", "/CN=Root of " + name, "-out", self.root)

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def _key(name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key"]

    def client(self, name):
        with open(os.path.join(self.folder, "client.ext"), "w") as f:
            f.write("basicConstraints=CA:false\nextendedKeyUsage=clientAuth\nsubjectAltName=email:%s@example.test\n" % name)
        self._openssl("req", *self._key(name), "-subj", "/CN=" + name, "-out", name + ".csr")
        self._openssl("x509", "-req", "-in", name + ".csr", "-CA", self.root, "-CAkey", self.name + ".key", "-CAcreateserial", "-days", "20", "-extfile",
                      "client.ext", "-out", name + ".pem")
        return Client(*(os.path.join(self.folder, name + kind) for kind in (".pem", ".key")))


class Client:
    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key
        said = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256"], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.digest = said.strip().split("=")[1].replace(":", "").lower()

    @property
    def words(self):
        return ["-cert", self.certificate, "-key", self.key]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Who has a certificate of the authority that the servers believe, and who has one of another."""
    folder = tmp_path_factory.mktemp("people")
    authority = Authority(folder)
    found = {name: authority.client(name) for name in ("jo", "ann", "mark")}
    found["stranger"] = Authority(folder, "others").client("stranger")
    return authority, found


def made(authority, **modes):
    s = serving.Server({"listeners.https.enabled": True, "tls.client-authorities": authority.root,
                        **{"listeners.%s.client-certificates" % service: mode for service, mode in modes.items()}})
    try:
        return s.make("alice").start()
    except BaseException:
        s.remove()
        raise


@pytest.fixture(scope="module", params=["off", "ask", "require"])
def asking(request, people):
    """A server that asks at all ports alike."""
    s = made(people[0], **{service: request.param for service in ("imap", "imaps", "https")})
    yield request.param, s
    s.remove()


def shows(since, server, digest):
    """Until that certificate stands in the log; all that stand there."""
    assert digest in server.log_with(digest, since), server.log_text()[-2000:]
    return re.findall(r"sha256=\"?([0-9a-f]{64})", server.log_text()[since:])


def let_in(server, way, client, version):
    """Whether something is answered inside of TLS."""
    context = ssl._create_unverified_context()
    context.minimum_version = context.maximum_version = VERSIONS[version]
    if client:
        context.load_cert_chain(client.certificate, client.key)
    port = 443 + server.offset if way == "https" else server.port(way)
    with socket.create_connection((server.host, port), 60) as plain:
        if way == "imap":
            stream = plain.makefile("rb")
            stream.readline()
            plain.sendall(b"a STARTTLS\r\n")
            assert stream.readline().startswith(b"a OK")
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" if way == "https" else b"a NOOP\r\n")
                return bool(secure.recv(100))
        except (ssl.SSLError, ConnectionError):
            return False


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", ["imaps", "imap", "https"])
def test_who_is_let_in(asking, people, way, version):
    mode, s = asking
    since = len(s.log_text())
    expected = {"off": (True, True, True), "ask": (True, True, False), "require": (False, True, False)}[mode]
    assert tuple(let_in(s, way, c, version) for c in (None, people[1]["jo"], people[1]["stranger"])) == expected
    if mode == "off":
        assert "sha256=" not in s.log_text()
    else:
        jo = people[1]["jo"].digest
        assert set(shows(since, s, jo)) == {jo}


def test_the_doctor_takes_a_port_that_demands_certificates_for_what_it_is(asking):
    mode, s = asking
    report = json.loads(s.cli("doctor", "--json", check=False).stdout)
    checks = {check["name"]: check["severity"] for check in report["checks"]}
    for service, port in (("imaps", s.port("imaps")), ("https", 443 + s.offset), ("imap", s.port("imap"))):
        assert checks["listener %s 127.0.0.1 %d" % (service, port)] == "ok", (mode, report["findings"])


class Sessions:
    """A server whose ports ask, demand and do not care, and sessions that go from one connection to another."""

    def __init__(self, people, folder):
        self.authority, self.people = people
        self.folder = folder
        self.server = made(self.authority, imaps="ask", pop3s="require")
        self.names = itertools.count()

    def new(self):
        return os.path.join(self.folder, "session%d" % next(self.names))

    def connect(self, version, service="imaps", client=None, resumed=None, kept=None):
        """(whether it is resumed, what is said, digests of the certificates that it is told to have shown)."""
        s = self.server
        since = len(s.log_text())
        words = ["openssl", "s_client", "-connect", "%s:%d" % (s.host, s.port(service)), "-servername", "localhost", "-ign_eof", "-crlf",
                 "-tls" + version.replace(".", "_"), *(client.words if client else []), *(["-sess_in", resumed] if resumed else []),
                 *(["-sess_out", kept] if kept else [])]
        end = {"imaps": "a LOGOUT\n", "pop3s": "QUIT\n", "submissions": "QUIT\n"}[service]
        said = subprocess.run(words, input=end.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60).stdout.decode(errors="replace")
        # What is logged later is this one's.
        mark = self.people["mark"]
        assert let_in(s, "imaps", mark, "1.3")
        seen = shows(since, s, mark.digest)
        # What openssl says of sessions meanwhile may stand right before and behind it.
        greeted = re.search(r"\* OK \[CAPABILITY |\+OK .*ready|220 \S+ ESMTP", said) is not None
        return "Reused, TLSv" in said, greeted, set(seen) - {mark.digest}


@pytest.fixture(scope="module")
def sessions(people, tmp_path_factory):
    found = Sessions(people, str(tmp_path_factory.mktemp("sessions")))
    yield found
    found.server.remove()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_that_is_resumed_is_whose_it_was(sessions, version):
    jo, ann = sessions.people["jo"], sessions.people["ann"]
    hers, anns = sessions.new(), sessions.new()
    assert sessions.connect(version, client=jo, kept=hers) == (False, True, {jo.digest})
    assert sessions.connect(version, client=ann, kept=anns) == (False, True, {ann.digest})
    for session, owner in ((hers, jo), (anns, ann), (hers, jo)):
        # Without the key, and with another's: what a session proves is who began it.
        for shown in (None, jo, ann):
            isResumed, isIn, seen = sessions.connect(version, client=shown, resumed=session)
            assert isResumed and isIn, (isResumed, isIn)
            assert seen == {owner.digest}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_of_nobodys_stays_nobodys(sessions, version):
    nobodys = sessions.new()
    assert sessions.connect(version, kept=nobodys) == (False, True, set())
    for shown in (None, sessions.people["ann"]):
        isResumed, isIn, seen = sessions.connect(version, client=shown, resumed=nobodys)
        assert isIn and seen == (set() if isResumed or shown is None else {shown.digest})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("service", ["imaps", "submissions"])
@pytest.mark.parametrize("who", [None, "jo"])
def test_a_session_of_a_port_that_lets_in_everybody_is_no_way_into_one_that_does_not(sessions, version, service, who):
    client = sessions.people[who] if who else None
    session = sessions.new()
    assert sessions.connect(version, service, client=client, kept=session)[1]
    isResumed, isIn, seen = sessions.connect(version, "pop3s", resumed=session)
    assert not isIn and not seen, (isResumed, isIn, seen)


@pytest.mark.parametrize("version", VERSIONS)
def test_whom_the_authorities_name_no_more_resumes_nothing(people, tmp_path, version):
    sessions = Sessions(people, str(tmp_path))
    try:
        jo, session = people[1]["jo"], sessions.new()
        believed = str(tmp_path / "believed.pem")
        shutil.copyfile(people[0].root, believed)
        s = sessions.server
        s.settings["tls.client-authorities"] = believed
        s.write_configuration()
        s.restart()
        assert sessions.connect(version, client=jo, kept=session) == (False, True, {jo.digest})
        # The other root, and this one for who marks the log.
        other = Authority(tmp_path, "later")
        sessions.people = {**people[1], "mark": other.client("later-mark")}
        shutil.copyfile(other.root, believed)
        since = len(s.log_text())
        s.process.send_signal(signal.SIGHUP)
        assert "Certificates read again" in s.log_with("Certificates read again", since)
        isResumed, isIn, seen = sessions.connect(version, resumed=session)
        assert (isResumed, isIn, seen) == (False, True, set())
        assert not sessions.connect(version, client=jo, resumed=session)[1]
    finally:
        sessions.server.remove()
