"""Disks that are full and disks that fail: 4xx, nothing left behind, and mail is taken again when it is over."""
import errno
import os
import subprocess
import sys
import tempfile

import mailset
import pytest
import server as serving
from conftest import Account, eventually
from wire import SMTP, Refused

sys.path.insert(0, os.path.join(serving.ROOT, "Tests", "PowerCut"))
import cut  # noqa: E402

pytestmark = pytest.mark.own
MB = 1 << 20


@pytest.fixture
def small_disk():
    """A file system of 48 MB."""
    point = tempfile.mkdtemp(prefix="martlet-disk-")
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", point], stderr=subprocess.DEVNULL).returncode:
        os.rmdir(point)
        pytest.skip("a small tmpfs cannot be mounted here (it needs root)")
    yield point
    subprocess.run(["umount", "-l", point], check=True)
    os.rmdir(point)


def mail(number, size):
    line = b"%06d " % number + b"x" * 60 + b"\r\n"
    return b"X-Number: %d\r\n\r\n" % number + line * (size // len(line))


def numbers(account):
    """Each message's number, after its octets were compared."""
    found = []
    for body in account.bodies().values():
        text = mailset.without_trace(body) if body.startswith(b"Return-Path") else body
        number = int(text.split(b"\r\n")[0].split()[1])
        assert text == mail(number, len(text)), number
        found.append(number)
    return sorted(found)


@pytest.mark.parametrize("size", [4000, 700_000])
def test_below_the_free_floor_mail_waits_and_everything_else_goes_on(own_server, small_disk, size):
    server = own_server(settings={"limits.free-floor": "16M"}, data=os.path.join(small_disk, "data"))
    alice = Account(server, "alice")
    filler = os.path.join(small_disk, "filler")
    accepted = []
    with SMTP(server.host, server.port("smtp")) as smtp:
        for i in range(10):
            assert smtp.deliver("a@remote.example", [alice.address], mail(i, size))[0] == 250
            accepted.append(i)
        room = os.statvfs(small_disk)
        with open(filler, "wb") as f:
            f.write(b"\0" * (room.f_bavail * room.f_frsize - 15 * MB))
        code, text = 250, ""
        for i in range(10, 60):  # the server may look at the disk only now and then
            code, text = smtp.deliver("a@remote.example", [alice.address], mail(i, size))
            if code != 250:
                break
            accepted.append(i)
        assert code == 452 and text.startswith("4.3.1"), (code, text)
        assert smtp.command("RSET")[0] == 250
    assert numbers(alice) == accepted
    with alice.imap() as imap:
        imap.select("INBOX")
        with pytest.raises(Refused):
            imap.command("APPEND INBOX ", mail(999, size))
        imap.command("STORE 1:5 +FLAGS (\\Deleted)")
        imap.command("STORE 6:7 +FLAGS (\\Flagged)")
        imap.command("EXPUNGE")
    assert numbers(alice) == accepted[5:]
    os.unlink(filler)
    with SMTP(server.host, server.port("smtp")) as smtp:
        eventually(lambda: smtp.deliver("a@remote.example", [alice.address], mail(100, size))[0] == 250, lambda: "mail is not taken again")
    server.restart()
    assert numbers(alice) == accepted[5:] + [100]
    server.cli("store", "check")


@pytest.mark.parametrize("size", [4000, 700_000])
def test_a_disk_with_no_room_at_all(own_server, small_disk, size):
    server = own_server(settings={"limits.free-floor": 0}, data=os.path.join(small_disk, "data"))
    alice = Account(server, "alice")
    filler = os.path.join(small_disk, "filler")
    accepted, refusals = [], 0
    with SMTP(server.host, server.port("smtp")) as smtp:
        for i in range(5):
            assert smtp.deliver("a@remote.example", [alice.address], mail(i, size))[0] == 250
            accepted.append(i)
        fill(filler)
        for i in range(5, 40):
            code, text = smtp.deliver("a@remote.example", [alice.address], mail(i, size))
            if code == 250:
                accepted.append(i)
            else:
                assert 400 <= code <= 499 and text[:1] == "4", (code, text)
                refusals += 1
                fill(filler)
                smtp.command("RSET")
            if refusals == 8:
                break
    assert refusals
    assert numbers(alice) == accepted, "reads go on, and nothing was left behind"
    os.unlink(filler)
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [alice.address], mail(50, size))[0] == 250
    server.kill()
    server.start()
    assert numbers(alice) == accepted + [50]
    server.cli("store", "check")


def fill(path):
    with open(path, "ab", buffering=0) as f:
        for piece in (MB, 4096, 1):
            try:
                while True:
                    if f.write(b"\0" * piece) < piece:
                        break
            except OSError:
                pass


@pytest.fixture
def failing(own_server):
    """A server under the shim, and its recorder."""
    server = own_server(start=False, settings={"limits.free-floor": 0})
    top = os.path.join(server.top, "powercut")
    os.mkdir(top)
    recorder = cut.Recorder(cut.build(top), server.data, top)
    server.preload, server.extra = recorder.library, recorder.environment()
    return server.start(), recorder


@pytest.mark.parametrize("what", ["sync", "write ENOSPC", "write EIO"])
def test_a_disk_that_fails_now_and_then(failing, what):
    server, recorder = failing
    alice, bob = Account(server, "alice"), Account(server, "bob")
    accepted, appended, refusals = [], [], 0
    number = 0

    def inject(after):
        if what == "sync":
            recorder.control.fail_syncs(after=after)
        else:
            recorder.control.fail_writes(errno.ENOSPC if "ENOSPC" in what else errno.EIO, after=after)

    for after in (1, 2, 3, 4, 6, 9):
        for size in (3000, 400_000):
            inject(after)
            for _ in range(after + 1):  # one of these meets it
                number += 1
                with SMTP(server.host, server.port("smtp")) as smtp:
                    code, text = smtp.deliver("a@remote.example", [alice.address], mail(number, size))
                if code == 250:
                    accepted.append(number)
                else:
                    assert 400 <= code <= 499 and text[:1] == "4", (code, text)
                    refusals += 1
            recorder.control.heal()
            number += 1
            with SMTP(server.host, server.port("smtp")) as smtp:
                code, text = smtp.deliver("a@remote.example", [alice.address], mail(number, size))
            assert code == 250, "later mail is taken: %d %s\n%s" % (code, text, server.log_text()[-2000:])
            accepted.append(number)
        inject(after)
        with bob.imap() as imap:
            for _ in range(after + 1):
                number += 1
                try:
                    imap.command("APPEND INBOX ", mail(number, 3000))
                    appended.append(number)
                except Refused as e:
                    assert str(e).startswith("NO"), e
                    refusals += 1
        recorder.control.heal()
        assert server.alive()
        assert numbers(alice) == accepted, "nothing is left behind of what was refused"
        assert numbers(bob) == appended
    assert refusals >= 6, "the failures were met"
    # What was answered 250 is there although syncs have failed in between, even when the power goes now.
    server.kill()
    import random
    recorder.cut(random.Random(4))
    recorder.begin()
    server.start()
    assert numbers(alice) == accepted and numbers(bob) == appended
    server.stop()
    server.preload = None
    server.cli("store", "check")
