"""Behind a proxy that speaks the PROXY protocol: who is heard of, logged and limited is the client. R26's sibling for ports that are not HTTP's."""
import contextlib
import os
import re
import socket
import subprocess

import pytest
import server as serving
from conftest import eventually, need
from wire import IMAP, SMTP

pytestmark = pytest.mark.own
CLIENT = "127.0.0.77"
BODY = b"From: a@example.org\r\nTo: alice\r\nSubject: passed on\r\nDate: Mon, 30 Nov 2026 00:00:00 +0000\r\nMessage-ID: <p@example.org>\r\n\r\nhello\r\n"


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def site():
    s = serving.Server(settings={"listeners.proxies": ["127.0.0.1"], "listeners.submission.proxies": ["192.0.2.1"]})
    try:
        s.make("alice").start()
        yield s
        assert s.alive(), s.log_text()[-3000:]
    finally:
        s.remove()


@pytest.fixture(scope="module", params=["send-proxy", "send-proxy-v2"])
def haproxy(request, site):
    ports = {"smtp": free_port(), "imaps": free_port()}
    text = "defaults\n  mode tcp\n  timeout connect 20s\n  timeout client 120s\n  timeout server 120s\n"
    for name, port in ports.items():
        text += "listen %s\n  bind 127.0.0.1:%d\n  server martlet 127.0.0.1:%d %s\n" % (name, port, site.port(name), request.param)
    path = os.path.join(site.top, request.param + ".cfg")
    with open(path, "w") as f:
        f.write(text)
    process = subprocess.Popen(["haproxy", "-db", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        for port in ports.values():
            eventually(lambda: process.poll() is not None or listens(port))
            assert process.poll() is None, process.stderr.read()
        yield ports
    finally:
        process.terminate()
        process.wait(timeout=20)


@need("haproxy")
def test_the_client_is_heard_of(site, haproxy):
    with SMTP("127.0.0.1", haproxy["smtp"], source=CLIENT) as client:
        assert client.deliver("a@example.org", [site.address("alice")], BODY)[0] == 250
    with IMAP("127.0.0.1", haproxy["imaps"], tls=True, source=CLIENT) as client:
        since = len(site.log_text())
        client.login(site.address("alice"), site.passwords["alice"])
        client.select("INBOX")
        (items,) = client.fetch("*", "(UID BODY[HEADER.FIELDS (RECEIVED)])").values()
        assert "[%s]" % CLIENT in repr(items), items
        pattern = "Successful IMAP login.*" + CLIENT.replace(".", "[.]")
        assert re.search(pattern, site.log_with(pattern, since))


def test_a_port_with_proxies_of_its_own(site):
    # 127.0.0.1 is none of them: it is greeted without a header.
    with SMTP("127.0.0.1", site.port("submission")) as client:
        assert client.command("NOOP")[0] == 250


@pytest.mark.parametrize("octets", [b"EHLO x\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x13\0\0"])
def test_a_proxy_without_a_header_is_closed_without_a_word(site, octets):
    since = len(site.log_text())
    with contextlib.closing(socket.create_connection(("127.0.0.1", site.port("smtp")), 60)) as s:
        s.sendall(octets)
        s.settimeout(60)
        try:
            assert s.recv(100) == b""
        except ConnectionResetError:
            pass
    assert "Refused a connection from a proxy" in site.log_with("Refused a connection from a proxy", since)
