"""Programs of this machine hand in mail as they do to sendmail(8)."""
import os
import pwd
import shutil
import subprocess

import pytest
import server as serving
from conftest import Account

pytestmark = pytest.mark.own


@pytest.fixture
def house(request):
    server = serving.Server({"outbound.enabled": False}).make("postmaster", "alice").start()
    yield server
    server.remove()


def sendmail(server, *args, text="", **more):
    """Under that name, as programs call it."""
    link = os.path.join(server.top, "sendmail")
    if not os.path.exists(link):
        os.symlink(serving.program(), link)
    environment = more.pop("env", server.environment())
    return subprocess.run([link, *args], input=text, env=environment, cwd=server.top, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, **more)


def bodies(server, name):
    return [body.decode() for body in Account(server, name).bodies().values()]


def test_crons_mail_reaches_the_postmaster(house):
    text = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> /bin/true\n\nline\n.\nlast\n"
    r = sendmail(house, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root", text=text)
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")
    [body] = bodies(house, "postmaster")
    user = pwd.getpwuid(os.geteuid()).pw_name
    assert body.startswith("Return-Path: <%s@example.test>\r\n" % user) and "(userid %d)" % os.geteuid() in body
    assert "\r\nFrom: root@example.test (Cron Daemon)\r\nTo: root@example.test\r\n" in body and body.endswith("\r\n\r\nline\r\n.\r\nlast\r\n")
    assert "\r\nDate: " in body and "\r\nMessage-ID: <" in body


def test_phps_mail_goes_to_whom_the_header_names(house):
    text = "To: Alice <alice@example.test>\r\nSubject: =?UTF-8?Q?gr=C3=BC=C3=9Fe?=\r\nBcc: postmaster\r\nFrom: shop@example.test\r\n\r\nGr\u00fc\u00dfe\r\n"
    assert sendmail(house, "-t", "-i", "-fshop@example.test", text=text).returncode == 0
    for name in "alice", "postmaster":
        [body] = bodies(house, name)
        assert "Return-Path: <shop@example.test>" in body and "Bcc" not in body and body.endswith("Gr\u00fc\u00dfe\r\n")


def test_what_is_not_taken_is_said_with_its_code(house):
    r = sendmail(house, "alice", "nobody", text="x")
    assert r.returncode == 67 and r.stderr == "sendmail: <nobody@example.test>: 550 5.1.1 No such user here\n"
    assert len(bodies(house, "alice")) == 1
    assert sendmail(house, "-z").returncode == 64 and sendmail(house, text="x").returncode == 64
    assert sendmail(house, "-t", text="Subject: nobody\n\nx").returncode == 64
    assert sendmail(house, "-f", "a@b@c", "alice", text="x").returncode == 65
    r = sendmail(house, "alice", text="From: a@example.test\nFrom: b@example.test\n\nx")
    assert r.returncode == 77 and "must say clearly" in r.stderr
    assert sendmail(house, "-q").returncode == 0 and len(bodies(house, "alice")) == 1
    house.stop()
    r = sendmail(house, "alice", text="x")
    assert r.returncode == 75 and "is martlet running" in r.stderr
    assert not os.path.exists(house.data + "/sendmail.sock")


def test_mail_to_others_is_queued_and_its_trace_tells_who_sent_it(house):
    recipients = ["u%d@remote.example" % number for number in range(1500)]
    r = sendmail(house, "-t", text="To: %s\nMessage-ID: <many@example.test>\n\nx" % ",\n ".join(recipients))
    assert (r.returncode, r.stderr) == (0, "")
    # More than one transaction may have come in two.
    assert "2 messages" in house.cli("queue", "list").stdout
    trace = house.cli("trace", "many@example.test").stdout
    assert trace.count("received from") == 2 and trace.count("user userid %d" % os.geteuid()) == 2 and trace.count("queued for u") == 2


def test_a_long_message_comes_whole_and_one_that_is_too_long_is_refused(house):
    house.stop()
    house.settings["limits.message-size"] = "1M"
    house.write_configuration()
    house.start()
    text = "Subject: long\n\n" + "x" * 900 + "\n"
    many = text + ("y" * 99 + "\n") * 10_000
    assert sendmail(house, "-i", "alice", text=many).returncode == 0
    [body] = bodies(house, "alice")
    assert body.endswith("y" * 99 + "\r\n") and body.count("y\r\n") == 10_000
    r = sendmail(house, "-i", "alice", text=text + ("y" * 99 + "\n") * 11_000)
    assert r.returncode == 65 and "the server takes" in r.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_another_user_sends_where_it_gets_to_and_is_told_apart(request):
    # Under /tmp: whatever folder the test's own is in, another user may not look into it.
    folder = "/tmp/martlet-run-%d" % os.getpid()
    os.mkdir(folder, 0o755)
    request.addfinalizer(lambda: shutil.rmtree(folder, ignore_errors=True))
    program = os.path.join(folder, "sendmail")
    shutil.copy(serving.program(), program)
    os.chmod(program, 0o755)
    socket = os.path.join(folder, "sendmail.sock")
    server = serving.Server({"outbound.enabled": False, "sendmail.socket": socket}).make("postmaster", "alice").start()
    request.addfinalizer(server.remove)
    nobody = pwd.getpwnam("nobody")

    def send(recipient):
        return subprocess.run([program, recipient], input="x", text=True, cwd="/", env={"MARTLET_SENDMAIL_SOCKET": socket}, user=nobody.pw_uid, group=nobody.pw_gid,
                              extra_groups=[], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)

    r = send("alice")
    assert (r.returncode, r.stderr) == (0, "")
    [body] = bodies(server, "alice")
    assert "Return-Path: <nobody@example.test>" in body and "(userid %d)" % nobody.pw_uid in body
    # The folder is the lock.
    os.chmod(folder, 0o711)
    os.chmod(socket, 0o600)
    assert send("alice").returncode == 75


def test_a_socket_that_was_left_is_replaced_and_another_file_is_not(house):
    house.kill()
    assert os.path.exists(house.data + "/sendmail.sock")
    house.start()
    assert sendmail(house, "alice", text="x").returncode == 0
    house.stop()
    with open(house.data + "/sendmail.sock", "w") as f:
        f.write("precious")
    with pytest.raises(serving.StartFailed, match="is no socket"):
        house.start()
    with open(house.data + "/sendmail.sock") as f:
        assert f.read() == "precious"
