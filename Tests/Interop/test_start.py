"""Starting, stopping and what stops the start."""
import json
import os
import signal
import socket
import ssl
import stat
import subprocess

import pytest
import server as serving
from conftest import Account, eventually
from wire import SMTP, IMAP

pytestmark = pytest.mark.own
MESSAGE = b"Subject: kept\r\n\r\nkept\r\n"


def refused(server, name, *words, env=None):
    """`serve` ends soon, unsuccessfully, with one line that has all the words."""
    r = subprocess.run([serving.program(), "serve"], env={**server.environment(), **(env or {})}, cwd=server.top, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=30)
    lines = [l for l in r.stderr.splitlines() if l.strip()]
    assert r.returncode != 0
    assert len(lines) == 1, (name, r.stderr, r.stdout)
    for w in words:
        assert w in lines[0], (name, w, lines[0])
    return lines[0]


@pytest.fixture(scope="module")
def idle_server():
    s = serving.Server()
    s.make("alice")
    yield s
    s.remove()


BAD = {
    "unknown key": ("limits:\n  mesage-size: 1M\n", "limits.mesage-size", "limits.message-size"),
    "unknown group": ("limit:\n  message-size: 1M\n", "limit", "limits"),
    "bad number": ("limits:\n  recipients: many\n", "limits.recipients", "number"),
    "out of range": ("port-offset: 99999\n", "port-offset", "60000"),
    "bad toggle": ("tls:\n  enabled: perhaps\n", "tls.enabled", "true or false"),
    "bad size": ("limits:\n  free-floor: -5\n", "limits.free-floor", "size"),
    "bad address": ("listeners:\n  addresses: [localhost]\n", "listeners.addresses", "IP"),
    "bad choice": ("logging:\n  level: loud\n", "logging.level", "debug"),
    "no YAML": ("limits: [1\n", "file", "YAML"),
    "a list": ("- a\n- b\n", "file", "key"),
    "twice": ("domain: a.example\ndomain: b.example\n", "domain", "twice"),
    "no certificate": ("tls:\n  certificate: /nowhere/c.pem\n  key: /nowhere/k.pem\n", "tls.certificate", "/nowhere/c.pem"),
    "no key": ("tls:\n  certificate: /nowhere/c.pem\n", "tls.certificate", "tls.key"),
    "TLS off in public": ("tls:\n  enabled: false\nlisteners:\n  addresses: [0.0.0.0]\n", "tls.enabled", "127.0.0.1"),
    "https without TLS": ("tls:\n  enabled: false\nlisteners:\n  https: {enabled: true}\n", "listeners.https.enabled", "tls.enabled"),
    "no authorities": ("listeners:\n  imaps: {client-certificates: ask}\n", "listeners.imaps.client-certificates", "tls.client-authorities"),
    "certificates without TLS": ("tls:\n  enabled: false\nlisteners:\n  imaps: {client-certificates: ask}\n", "listeners.imaps.client-certificates", "off"),
    "certificates at http": ("listeners:\n  http: {enabled: true, client-certificates: ask}\n", "listeners.http.client-certificates", "https"),
    "one port twice": ("listeners:\n  smtp:\n    port: 40025\n  imap:\n    port: 40025\n", "port", "another"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_configuration_stops_the_start_with_one_line(idle_server, name):
    text, key, remedy = BAD[name]
    with open(idle_server.configuration, "w") as f:
        f.write(text)
    refused(idle_server, name, idle_server.configuration, key, remedy)
    r = idle_server.cli("config", "check", check=False)
    assert r.returncode != 0 and key in r.stdout + r.stderr


@pytest.mark.parametrize("mode, words", [(None, "No such file"), (0o644, "Permission denied"), (0o755, None)])
def test_a_program_for_the_ca_that_cannot_be_run_is_told_of(idle_server, tmp_path, mode, words):
    hook = tmp_path / "hook"
    if mode:
        hook.write_text("#!/bin/sh\n")
        hook.chmod(mode)
    with open(idle_server.configuration, "w") as f:
        f.write("hostname: mail.example.test\nacme: {enabled: true, agrees-to-terms: true, challenge: dns-01, hook: %s}\n" % hook)
    r = idle_server.cli("config", "check", check=False)
    if words:
        assert r.returncode == 78 and "acme.hook" in r.stderr and words in r.stderr and len(r.stderr.splitlines()) == 1, r.stderr
    else:
        assert r.returncode == 0, r.stderr


@pytest.mark.parametrize("env,words", [
    ({"MARTLET_LIMITS_MESAGE_SIZE": "1M"}, ["MARTLET_LIMITS_MESAGE_SIZE"]),
    ({"MARTLET_LIMITS_RECIPIENTS": "x"}, ["MARTLET_LIMITS_RECIPIENTS", "number"]),
    ({"SMTP_TLS_CERT": "/a.pem", "TLS_CERT_PATH": "/b.pem"}, ["SMTP_TLS_CERT", "TLS_CERT_PATH"]),
    ({"MARTLET_TLS_KEY_FILE": "/nowhere"}, ["MARTLET_TLS_KEY_FILE", "/nowhere"]),
    ({"MARTLET_CONFIG": "/nowhere/martlet.yaml"}, ["/nowhere/martlet.yaml"]),
])
def test_a_wrong_environment_stops_the_start_with_one_line(idle_server, env, words):
    open(idle_server.configuration, "w").close()
    refused(idle_server, str(env), *words, env=env)


def test_a_second_server_refuses_to_start(own_server):
    server = own_server()
    line = refused(server, "second", server.data, env={"MARTLET_PORT_OFFSET": str(serving.free_offset())})
    assert str(server.pid) in line
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.command("NOOP")[0] == 250


def pair(folder, name, *hosts):
    """Paths of a certificate that nobody vouches for, and of its key."""
    paths = [str(folder / (name + kind)) for kind in (".pem", ".key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", "/CN=" + hosts[0],
                    "-addext", "subjectAltName=" + ",".join("DNS:" + h for h in hosts), "-out", paths[0], "-keyout", paths[1]], check=True,
                   stderr=subprocess.DEVNULL)
    return paths


def shown(server, name):
    with socket.create_connection((server.host, server.port("imaps")), 60) as plain:
        with ssl._create_unverified_context().wrap_socket(plain, server_hostname=name) as secure:
            return ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True)).strip()


def counted(server):
    """What the server says of files that it cannot use."""
    line, = [l for l in server.cli("metrics").stdout.splitlines() if l.startswith("martlet_certificate_faults ")]
    return int(line.split()[1])


def test_a_further_certificate_that_is_broken_keeps_nobody_out(own_server, tmp_path):
    first, other, third = (pair(tmp_path, n, n + ".example.test") for n in ("first", "other", "third"))
    with open(other[1]) as f:
        kept = f.read()
    with open(other[1], "w") as f:
        f.write("no key")
    s = own_server("alice", start=False, settings={
        "hostname": "first.example.test", "tls.certificate": first[0], "tls.key": first[1],
        "tls.certificates": ["'%s:%s'" % tuple(other), "'%s:%s'" % tuple(third)]})
    refused_check = s.cli("config", "check", check=False)
    assert refused_check.returncode == 78 and "tls.certificates" in refused_check.stderr and other[1] in refused_check.stderr
    s.start()
    certificates = {name: open(paths[0]).read().strip() for name, paths in (("first", first), ("other", other), ("third", third))}
    assert "error" in s.log_with("tls.certificates cannot be used").lower() and other[1] in s.log_text()
    assert shown(s, "third.example.test") == certificates["third"] and shown(s, "other.example.test") == certificates["first"]
    assert counted(s) == 1
    found = [(f["id"], f["subject"]) for f in json.loads(s.cli("doctor", "--json", check=False).stdout)["findings"]]
    assert ("tls.unusable", other[0]) in found and not [f for f in found if f[1] in (first[0], third[0]) and f[0] != "tls.self-signed"]
    with open(other[1], "w") as f:
        f.write(kept)
    since = len(s.log_text())
    s.process.send_signal(signal.SIGHUP)
    assert "Certificates read again" in s.log_with("Certificates read again", since)
    assert shown(s, "other.example.test") == certificates["other"] and counted(s) == 0
    # The first has to be good.
    s.stop()
    with open(first[1], "w") as f:
        f.write("no key")
    refused(s, "first", "tls.key", first[1])


def test_a_taken_port_stops_the_start(own_server):
    one, two = own_server(), own_server(start=False)
    two.offset = one.offset
    refused(two, "port", str(one.port("smtp")))


def test_modes_and_where_the_key_is(own_server):
    server = own_server()
    assert stat.S_IMODE(os.stat(server.data).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(server.key).st_mode) == 0o600
    for folder, folders, files in os.walk(server.data):
        for name in files + folders:
            mode = os.lstat(os.path.join(folder, name)).st_mode
            assert stat.S_ISLNK(mode) or not mode & 0o077, (folder, name, oct(mode))


def test_a_data_folder_open_to_others_is_refused(own_server):
    server = own_server(start=False)
    os.chmod(server.data, 0o755)
    refused(server, "mode", server.data, "700")
    os.chmod(server.data, 0o700)
    os.chmod(server.key, 0o644)
    refused(server, "key mode", server.key, "600")


def test_a_missing_key_is_refused_and_no_new_one_made(own_server):
    server = own_server(start=False)
    os.rename(server.key, server.key + ".away")
    refused(server, "key", server.key)
    assert not os.path.exists(server.key)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_good_order_and_keeps_the_mail(own_server, how):
    server = own_server()
    alice = Account(server, "alice")
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [alice.address], MESSAGE)[0] == 250
    imap = alice.imap()
    imap.select("INBOX", "EXAMINE")
    before = imap.fetch("1:*", "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[])")
    server.process.send_signal(how)
    assert imap.is_closed(60)
    assert server.process.wait(60) == 0
    server.start()
    with alice.imap() as imap:
        imap.select("INBOX", "EXAMINE")
        assert imap.fetch("1:*", "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[])") == before


def test_store_check_beside_a_running_server_and_without(own_server):
    server = own_server()
    alice = Account(server, "alice")
    with SMTP(server.host, server.port("smtp")) as smtp:
        for _ in range(20):
            assert smtp.deliver("a@remote.example", [alice.address], MESSAGE)[0] == 250
    with alice.imap() as imap:
        imap.select("INBOX")
        imap.command("STORE 1:15 +FLAGS.SILENT (\\Deleted)")
        imap.command("EXPUNGE")
    server.cli("store", "check")
    server.cli("store", "compact", "--all")
    server.cli("store", "check", "--json")
    assert len(alice.bodies()) == 5
    server.stop()
    server.cli("store", "check")
    server.cli("store", "compact", "--all")
    server.start()
    assert len(alice.bodies()) == 5


def test_message_inspect(idle_server, tmp_path):
    import json

    import generate
    open(idle_server.configuration, "w").close()
    for m in generate.messages(1, 65, small=True):
        file = tmp_path / "m.eml"
        file.write_bytes(m.data)
        r = idle_server.cli("message", "inspect", str(file), check=False)
        assert r.returncode == 0, (m.name, r.stderr[-500:])
        assert isinstance(json.loads(r.stdout), dict), m.name


def test_the_embedded_default_makes_first_accounts(tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MARTLET_", "SMTP_", "TLS_"))}
    offset = serving.free_offset()
    env.update(MARTLET_PORT_OFFSET=str(offset), MARTLET_CONFIG="embedded")
    with open(tmp_path / "out", "wb") as out:
        p = subprocess.Popen([serving.program(), "serve"], cwd=tmp_path, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        words = ("alice@example.test", "bob@example.test", "swaks", "curl", str(25 + offset), str(993 + offset))

        def said():
            return (tmp_path / "out").read_text()

        eventually(lambda: p.poll() is not None or all(word in said() for word in words), said)
        IMAP("127.0.0.1", 143 + offset).close()
        assert (tmp_path / "data.key").exists()
    finally:
        p.terminate()
        p.wait(20)
