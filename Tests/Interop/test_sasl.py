"""SASL (RFC 4422) as all three line protocols frame it: what is offered, PLAIN and LOGIN, and SCRAM-SHA-256 with a client of others (scramp)."""
import base64
import imaplib
import smtplib
import subprocess

import pytest
import server as serving
from conftest import eventually, need
from scramp import ScramClient, ScramException, make_channel_binding
from wire import Line, lax_tls

FACES = {"IMAP": ("imaps", "imap"), "SMTP": ("submissions", "submission"), "POP3": ("pop3s", "pop3")}
ALL = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
every_face = pytest.mark.parametrize("face", FACES)


@pytest.fixture(scope="module")
def server():
    """Of its own: app passwords of other tests would keep SCRAM from being offered."""
    s = serving.Server()
    s.make("alice", "bob").start()
    yield s
    s.remove()


class Face(Line):
    """A connection to one of the three, as far as SASL goes."""

    def __init__(self, server, face, starttls=False, secure=True, certificate=None):
        self.certificate = certificate
        secured, plain = FACES[face]
        super().__init__(server.host, server.port(plain if starttls or not secure else secured), tls=secure and not starttls)
        self.face = face
        self.line()
        if starttls:
            self.offered()
            self.send({"IMAP": b"s STARTTLS\r\n", "SMTP": b"STARTTLS\r\n", "POP3": b"STLS\r\n"}[face])
            self.line()
            self.secure()
        self.mechanisms = self.offered()

    def secure(self):
        context = lax_tls()
        if self.certificate:
            context.load_cert_chain(*self.certificate)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def offered(self):
        """The mechanisms, in order."""
        self.send({"IMAP": b"c CAPABILITY\r\n", "SMTP": b"EHLO client.example\r\n", "POP3": b"CAPA\r\n"}[self.face])
        lines = [self.line().decode()]
        last = {"IMAP": lambda l: l.startswith("c "), "SMTP": lambda l: l[3] == " ", "POP3": lambda l: l in (".", "") or l.startswith("-")}[self.face]
        while not last(lines[-1]):
            lines.append(self.line().decode())
        if self.face == "IMAP":
            return [word[5:] for word in lines[0].split() if word.startswith("AUTH=")]
        found = [l.split()[1:] for l in (l[4:] if self.face == "SMTP" else l for l in lines) if l.split()[:1] == [{"SMTP": "AUTH", "POP3": "SASL"}[self.face]]]
        return found[0] if found else []

    def authenticate(self, mechanism, initial, answer=lambda challenge: b"*"):
        """(whether it went well, the last line). `answer` is what follows a challenge, in octets; None gives up."""
        verb = {"IMAP": "a AUTHENTICATE ", "SMTP": "AUTH ", "POP3": "AUTH "}[self.face] + mechanism
        self.send(verb.encode() + (b"" if initial is None else b" " + (base64.b64encode(initial) or b"=")) + b"\r\n")
        while True:
            line = self.line()
            if line.startswith((b"+ ", b"334 ")):
                said = answer(base64.b64decode(line.split(b" ", 1)[1]))
                self.send((b"*" if said is None else base64.b64encode(said)) + b"\r\n")
            else:
                return line.startswith((b"a OK", b"235 ", b"+OK")), line.decode()


def refused(outcome):
    """As a wrong password is."""
    went_well, line = outcome
    return not went_well and line.startswith(("a NO [AUTHENTICATIONFAILED]", "535 5.7.8 Authentication credentials invalid", "-ERR [AUTH] Wrong user"))


class Scram:
    """What a client says step by step. `binding`: what it thinks that the connection is."""

    def __init__(self, user, password, mechanism="SCRAM-SHA-256", binding=None):
        self.client = ScramClient([mechanism], user, password, channel_binding=binding)
        self.first = self.client.get_client_first().encode()
        self.challenges = []

    def answer(self, challenge):
        self.challenges.append(challenge.decode())
        if len(self.challenges) == 1:
            self.client.set_server_first(challenge.decode())
            return self.client.get_client_final().encode()
        # Raises when the server does not know the password.
        self.client.set_server_final(challenge.decode())
        return b""

    @property
    def salt(self):
        return dict(part.split("=", 1) for part in self.challenges[0].split(","))["s"]


def scram(connection, user, password, mechanism="SCRAM-SHA-256", binding=None):
    client = Scram(user, password, mechanism, binding)
    return connection.authenticate(mechanism, client.first, client.answer), client


def bound(connection):
    return make_channel_binding("tls-server-end-point", connection.socket)


@every_face
def test_the_same_mechanisms_are_offered_in_tls_alone(server, account, face):
    with Face(server, face) as connection:
        assert connection.mechanisms == ALL
    with Face(server, face, starttls=True) as connection:
        assert connection.mechanisms == ALL
    with Face(server, face, secure=False) as connection:
        assert connection.mechanisms == []
        for mechanism in ALL:
            assert not connection.authenticate(mechanism, None)[0]


@every_face
def test_plain_and_login(server, account, face):
    plain = b"\0" + account.user.encode() + b"\0" + account.password.encode()
    words = lambda challenge: {b"Username:": account.user, b"Password:": account.password}[challenge].encode()
    for mechanism, initial, answer in (("PLAIN", plain, None), ("PLAIN", None, lambda challenge: plain), ("login", None, words),
                                       ("LOGIN", account.user.encode(), words)):
        with Face(server, face) as connection:
            assert connection.authenticate(mechanism, initial, answer)[0]
    with Face(server, face) as connection:
        went_well, line = connection.authenticate("PLAIN", b"somebody" + plain)
        assert not went_well and "You may act for yourself only" in line
        assert not connection.authenticate("PLAIN", None, lambda challenge: None)[0]
        assert refused(connection.authenticate("LOGIN", account.user.encode(), lambda challenge: b"wrong"))
        assert connection.authenticate("PLAIN", plain)[0]


@every_face
@pytest.mark.parametrize("starttls", [False, True])
def test_scram_of_another_library(server, account, face, starttls):
    with Face(server, face, starttls) as connection:
        (went_well, line), client = scram(connection, account.user, account.password)
        assert went_well and len(client.challenges) == 2, line
    with Face(server, face, starttls) as connection:
        (went_well, line), _ = scram(connection, account.user, account.password, "SCRAM-SHA-256-PLUS", bound(connection))
        assert went_well, line
    with Face(server, face, starttls) as connection:
        # Without an initial response the server has nothing to say first.
        client = Scram(account.user, account.password)
        steps = []

        def answer(challenge):
            steps.append(challenge)
            return client.first if len(steps) == 1 else client.answer(challenge)
        assert connection.authenticate("SCRAM-SHA-256", None, answer)[0] and steps[0] == b""


@every_face
def test_scram_is_refused_as_a_wrong_password_is(server, account, face):
    with Face(server, face) as connection:
        outcome, client = scram(connection, account.user, "wrong")
        assert refused(outcome) and len(client.challenges) == 1
        outcome, client = scram(connection, "nobody@example.test", account.password)
        assert refused(outcome) and len(client.challenges) == 1 and ",i=10000" in client.challenges[0]
        assert scram(connection, account.user, account.password)[0][0]


@every_face
def test_scram_with_wrong_channel_binding(server, account, face):
    with Face(server, face) as connection:
        # Somebody between, who shows a certificate of his own.
        outcome, client = scram(connection, account.user, account.password, "SCRAM-SHA-256-PLUS", ("tls-server-end-point", b"x" * 32))
        assert refused(outcome) and len(client.challenges) == 1


@every_face
def test_downgrade_of_mechanisms(server, account, face):
    with Face(server, face) as connection:
        # The client could bind; whoever stands between has taken the mechanism off the list.
        outcome, client = scram(connection, account.user, account.password, "SCRAM-SHA-256", bound(connection))
        assert client.first.startswith(b"y,,") and refused(outcome) and client.challenges == []


@every_face
def test_what_is_no_scram(server, account, face):
    with Face(server, face) as connection:
        for first in (b"=", b"n,,m=1,n=a,r=b", b"n,,n=a", b"p=tls-unique,,n=a,r=b"):
            went_well, line = connection.authenticate("SCRAM-SHA-256", first)
            assert not went_well and line.startswith(("a BAD", "501 ", "-ERR")), line
        client = Scram(account.user, account.password)
        went_well, line = connection.authenticate("SCRAM-SHA-256", client.first, lambda challenge: b"c=biws,r=x")
        assert not went_well and line.startswith(("a BAD", "501 ", "-ERR")), line
        # The last word is to be heard, not answered.
        client = Scram(account.user, account.password)
        went_well, line = connection.authenticate("SCRAM-SHA-256", client.first, lambda challenge: client.answer(challenge) or b"thanks")
        assert not went_well


@pytest.mark.own
def test_scram_is_not_offered_by_itself_beside_app_passwords_which_have_no_keys(own_server):
    """Clients that are offered it try nothing else."""
    server = own_server("alice")
    assert Face(server, "IMAP").mechanisms == ALL
    server.cli("app-password", "add", server.address("alice"), "phone")
    assert Face(server, "IMAP").mechanisms == ["PLAIN", "LOGIN"]
    [line] = server.cli("app-password", "list", server.address("alice")).stdout.splitlines()
    server.cli("app-password", "remove", server.address("alice"), line.split()[0])
    assert Face(server, "IMAP").mechanisms == ALL


def test_an_unknown_user_has_the_same_salt_after_a_restart(own_server):
    server = own_server("alice")

    def salt(user):
        with Face(server, "IMAP") as connection:
            return scram(connection, user, "whatever")[1].salt
    before = [salt(user) for user in ("nobody", "nobody@example.test", "NOBODY", "alice", "somebody")]
    assert before[0] == before[1] == before[2] and len(set(before)) == 3
    server.restart()
    assert [salt(user) for user in ("nobody", "alice", "somebody")] == [before[0], before[3], before[4]]


@pytest.mark.own
def test_keys_of_an_older_password_are_void(own_server):
    server = own_server("alice")
    user, old = server.address("alice"), server.passwords["alice"]
    with Face(server, "IMAP") as connection:
        assert scram(connection, user, old)[0][0]
        server.cli("account", "password", user, "--password-stdin", stdin="another good password\n")
        assert connection.line().startswith(b"* BYE")
    with Face(server, "SMTP") as connection:
        assert refused(scram(connection, user, old)[0])
        assert scram(connection, user, "another good password")[0][0]


@pytest.mark.own
def test_a_change_of_the_password_within_the_exchange_voids_it(own_server):
    server = own_server("alice")
    user, old = server.address("alice"), server.passwords["alice"]
    for changed_at, new in ((1, "another good password"), (2, "yet another good one")):
        client = Scram(user, old)

        def answer(challenge):
            said = client.answer(challenge)
            if len(client.challenges) == changed_at:
                server.cli("account", "password", user, "--password-stdin", stdin=new + "\n")
            return said
        with Face(server, "POP3") as connection:
            assert refused(connection.authenticate("SCRAM-SHA-256", client.first, answer))
        old = new


@pytest.mark.own
def test_older_accounts_get_keys_when_they_log_in_and_scram_is_offered_when_all_have(own_server):
    server = own_server("alice", "bob", settings={"auth.scram": "off"})

    def offered():
        with Face(server, "IMAP") as connection:
            return connection.mechanisms
    assert offered() == ["PLAIN", "LOGIN"]
    server.stop()
    server.settings.pop("auth.scram")
    server.write_configuration()
    server.start()
    for name in ("alice", "bob"):
        assert offered() == ["PLAIN", "LOGIN"]
        with Face(server, "SMTP") as connection:
            assert connection.authenticate("PLAIN", b"\0%s\0%s" % (name.encode(), server.passwords[name].encode()))[0]
    eventually(lambda: offered() == ALL, server.log_text)
    with Face(server, "POP3") as connection:
        assert scram(connection, "bob", server.passwords["bob"])[0][0]


@pytest.mark.own
@pytest.mark.parametrize("password", ["correct \u2168 horse \u00aa", "soft\u00adhyphen\u00a0battery", "u\u0308ber alle Berge", "  spaces  kept  "])
def test_passwords_beyond_ascii_as_clients_prepare_them(own_server, password):
    server = own_server("alice")
    user = server.address("alice")
    server.cli("account", "password", user, "--password-stdin", stdin=password + "\n")
    with Face(server, "IMAP") as connection:
        assert scram(connection, user, password)[0][0]
    with Face(server, "SMTP") as connection:
        assert connection.authenticate("PLAIN", b"\0%s\0%s" % (user.encode(), password.encode()))[0]


class Authority:
    """Vouches for addresses."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate, self.key = self.path("ca.pem"), self.path("ca.key")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=An authority",
                     "-addext", "keyUsage=critical,keyCertSign", "-out", self.certificate, "-keyout", self.key)

    def path(self, name):
        return str(self.folder / name)

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def issue(self, name, *addresses):
        """A client's certificate and its key."""
        pem, key, request, extensions = (self.path(name + kind) for kind in (".pem", ".key", ".csr", ".ext"))
        with open(extensions, "w") as f:
            f.write("extendedKeyUsage=clientAuth\nkeyUsage=critical,digitalSignature\n")
            if addresses:
                f.write("subjectAltName=" + ",".join("email:" + a for a in addresses) + "\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-out", request, "-keyout", key)
        self.openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "30", "-extfile", extensions,
                     "-out", pem)
        return pem, key


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def asking(authority, **more):
    asked = {"listeners.%s.client-certificates" % service: "ask" for services in FACES.values() for service in services}
    return {"tls.client-authorities": authority.certificate, **asked, **more}


@pytest.mark.own
@need("openssl")
def test_external_by_certificate(own_server, authority):
    server = own_server("alice", "bob", settings=asking(authority, **{"auth.client-certificates": "address"}))
    alice, nobody, both = (authority.issue(*words) for words in (
        ("alice", server.address("alice").upper()), ("nobody", "nobody@example.test"), ("both", server.address("alice"), server.address("bob"))))
    nameless = authority.issue("nameless")
    for face in FACES:
        for starttls in (False, True):
            with Face(server, face, starttls, certificate=alice) as connection:
                assert connection.mechanisms == ["EXTERNAL", *ALL]
                assert connection.authenticate("EXTERNAL", b"")[0]
        with Face(server, face, certificate=alice) as connection:
            assert refused(connection.authenticate("EXTERNAL", server.address("bob").encode()))
            assert connection.authenticate("EXTERNAL", None, lambda challenge: server.address("alice").encode())[0]
        for certificate in (nobody, both):
            with Face(server, face, certificate=certificate) as connection:
                assert refused(connection.authenticate("EXTERNAL", b""))
        with Face(server, face, certificate=both) as connection:
            assert connection.authenticate("EXTERNAL", server.address("bob").encode())[0]
        for certificate in (nameless, None):
            with Face(server, face, certificate=certificate) as connection:
                assert connection.mechanisms == ALL and not connection.authenticate("EXTERNAL", b"")[0]
    server.disable("alice")
    with Face(server, "IMAP", certificate=alice) as connection:
        assert refused(connection.authenticate("EXTERNAL", b""))


@pytest.mark.own
@need("openssl")
def test_a_certificate_that_is_asked_for_is_no_login_by_itself(own_server, authority):
    server = own_server("alice", settings=asking(authority))
    with Face(server, "SMTP", certificate=authority.issue("alice", server.address("alice"))) as connection:
        assert connection.mechanisms == ALL and not connection.authenticate("EXTERNAL", b"")[0]


def test_imaplib_and_smtplib_with_scram(server, account):
    client = Scram(account.user, account.password)
    m = imaplib.IMAP4_SSL(server.host, server.port("imaps"), ssl_context=lax_tls(), timeout=60)
    m.authenticate("SCRAM-SHA-256", lambda challenge: client.answer(challenge) if challenge else client.first)
    assert m.state == "AUTH"
    m.logout()
    client = Scram(account.user, account.password)
    with smtplib.SMTP_SSL(server.host, server.port("submissions"), context=lax_tls(), timeout=60) as smtp:
        smtp.ehlo()
        code, _ = smtp.auth("SCRAM-SHA-256", lambda challenge=None: client.first.decode() if challenge is None else client.answer(challenge).decode())
        assert code == 235


def test_a_server_that_does_not_know_the_password_is_found_out(server, account):
    # scramp looks at the server's signature: with another message it is another.
    client = Scram(account.user, account.password)

    def answer(challenge):
        if len(client.challenges) == 1:
            with pytest.raises(ScramException):
                client.answer(b"v=" + base64.b64encode(b"x" * 32))
            return None
        return client.answer(challenge)
    with Face(server, "IMAP") as connection:
        assert not connection.authenticate("SCRAM-SHA-256", client.first, answer)[0]
