"""A read-only system and the data on a volume of their own: where the master key is, and that the server runs there as the unit has it."""
import os
import pwd
import subprocess
import sys

import pytest
import server as serving
import volumes
from conftest import Account, need
from wire import SMTP

pytestmark = [pytest.mark.own, volumes.needed]
HERE = os.path.dirname(os.path.abspath(__file__))
UNIT = os.path.join(serving.ROOT, "deploy", "systemd", "martlet.service")
MESSAGE = b"Subject: kept\r\n\r\nkept\r\n"
WARNING = "The master key lies with the data"


@pytest.fixture
def mounts():
    made = volumes.Volumes()
    yield made
    made.remove()


@pytest.fixture
def on_volume(own_server, mounts):
    """Makes servers whose folders `prepared` arranges in a namespace of their own."""
    def make(prepared, **options):
        server = own_server("alice", start=False, within=mounts.within, prepared=prepared, **options)
        # Its file lies where nothing can be written.
        server.counts = None
        return server
    return make


def deliver(server):
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [server.address("alice")], MESSAGE)[0] == 250


def kept(server):
    """It takes mail, and has it after a start, and the store is whole."""
    server.start()
    deliver(server)
    assert len(Account(server, "alice").bodies()) == 1
    server.restart()
    deliver(server)
    assert len(Account(server, "alice").bodies()) == 2
    server.cli("store", "check")
    server.stop()
    server.cli("store", "check")


def test_a_read_only_system_with_a_data_volume_works_and_says_where_the_key_is(on_volume, mounts):
    def prepared(server):
        os.mkdir(server.data)
        mounts.run("mount", "-o", "remount,bind,ro", "/")
        mounts.volume(server.data)

    server = on_volume(prepared)
    assert mounts.has(server.data + "/master.key") and not mounts.has(server.key)
    kept(server)
    assert server.log_text().count(WARNING) == 2 and server.data + "/master.key" in server.log_text()
    found = server.cli("doctor", "--json", "--set", "dns.servers=127.0.0.1@9", check=False).stdout
    assert "data.key-inside" in found


def test_what_lies_beside_a_volume_may_be_gone_tomorrow_so_the_key_is_on_it(on_volume, mounts):
    server = on_volume(lambda s: mounts.volume(s.data))
    assert mounts.has(server.data + "/master.key") and not mounts.has(server.key)
    kept(server)


def test_master_key_keeps_the_key_on_another_volume(on_volume, mounts):
    def prepared(server):
        mounts.volume(server.data)
        mounts.volume(server.top + "/keys")
        server.settings["master-key"] = server.top + "/keys/martlet"
        server.write_configuration()

    server = on_volume(prepared)
    assert mounts.has(server.top + "/keys/martlet") and not mounts.has(server.data + "/master.key")
    kept(server)
    assert WARNING not in server.log_text()
    # Without its volume nothing is made anew, and nothing is lost.
    mounts.run("umount", server.top + "/keys")
    r = server.cli("account", "list", check=False)
    assert r.returncode == 77 and server.top + "/keys/martlet is missing" in r.stderr


def test_a_key_beside_the_folder_stays_where_it_is_when_the_system_becomes_read_only(on_volume, mounts):
    server = on_volume(lambda s: None)
    assert mounts.has(server.key)
    kept(server)
    mounts.run("mount", "--bind", server.data, server.data)
    mounts.run("mount", "-o", "remount,bind,ro", "/")
    server.start()
    deliver(server)
    assert len(Account(server, "alice").bodies()) == 3
    server.stop()
    assert not mounts.has(server.data + "/master.key") and WARNING not in server.log_text()


def test_a_volume_that_is_not_mounted_is_not_taken_for_an_empty_store(on_volume, mounts):
    server = on_volume(lambda s: mounts.volume(s.data))
    mounts.run("umount", server.data)
    # The folder below it is root's and open to others, as mkdir makes it.
    mounts.run("chmod", "755", server.data)
    r = server.cli("account", "list", check=False)
    assert r.returncode == 77 and "is open to others" in r.stderr


@need("setpriv")
@need("systemd-analyze")
def test_the_unit_leaves_the_server_all_that_it_needs(on_volume, mounts):
    """Its user, its one capability, its filter of system calls, a read-only system, /proc with processes alone, and hash, DNS and metrics work."""
    nobody = pwd.getpwnam("nobody")
    if subprocess.run(["setpriv", "--reuid", "nobody", "--clear-groups", "test", "-x", serving.program()]).returncode:
        pytest.skip("%s is where other users cannot run it" % serving.program())

    def prepared(server):
        os.chmod(server.top, 0o755)
        os.mkdir(server.data)
        os.chmod(server.data, 0o700)
        os.chown(server.data, nobody.pw_uid, nobody.pw_gid)
        mounts.run("mount", "--bind", server.data, server.data)
        mounts.run("mount", "-o", "remount,bind,ro", "/")
        # As another user's: hidepid. No program is found by its number in it, and commands of ours are not started there.
        mounts.run("mount", "-t", "proc", "-o", "subset=pid,hidepid=invisible", "proc", "/proc")

    server = on_volume(prepared, settings={"user": "nobody"})
    server.through = [sys.executable, os.path.join(HERE, "confine.py"), UNIT, "nobody"]
    server.start_once(60)
    with open("/proc/%d/status" % server.pid) as f:
        facts = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    assert facts["Seccomp"] == "2" and facts["NoNewPrivs"] == "1" and int(facts["CapBnd"], 16) == int(facts["CapAmb"], 16) == 1 << 10
    deliver(server)
    assert len(Account(server, "alice").bodies()) == 1
    told = server.cli("metrics").stdout
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "martlet_memory_limit_bytes", "process_open_fds", "process_max_fds",
                 "process_threads"):
        [line] = [l for l in told.splitlines() if l.startswith(name + " ")]
        assert float(line.split()[1]) > 0, line
    server.cli("store", "check")
    # Listing the machine's addresses, which the outbox needs, takes a netlink socket.
    assert server.alive() and server.stop() == 0
    server.start_once(60)
    assert len(Account(server, "alice").bodies()) == 1
    assert server.stop() == 0
    others = subprocess.run([*mounts.within, "find", server.data, "!", "-user", "nobody"], check=True, stdout=subprocess.PIPE).stdout
    assert others == b""
