"""The server as a service of Linux: sockets and notices of a service manager, root given up, the unit that comes with it."""
import glob
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys

import networks
import pytest
import server as serving
from conftest import Account, eventually, need
from test_start import refused
from wire import SMTP

pytestmark = pytest.mark.own
HERE = os.path.dirname(os.path.abspath(__file__))
UNITS = os.path.join(serving.ROOT, "deploy", "systemd")
MESSAGE = b"Subject: kept\r\n\r\nkept\r\n"
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def activated(*places):
    return [sys.executable, os.path.join(HERE, "activate.py"), *places, "--"]


def status(pid):
    """What /proc says of each thread: [{name: value}]."""
    found = []
    for path in glob.glob("/proc/%d/task/*/status" % pid):
        with open(path) as f:
            found.append(dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line))
    return found


def deliver(server, name="alice"):
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [server.address(name)], MESSAGE)[0] == 250


def sockets(pid):
    """{inode: descriptor}"""
    found = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        target = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        if target.startswith("socket:["):
            found[target[8:-1]] = int(fd)
    return found


def descriptor_at(server, name):
    """That which listens on this port."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    [inode] = [row[9] for row in rows if row[1].endswith(":%04X" % server.port(name)) and row[3] == "0A"]
    return sockets(server.pid)[inode]


def is_closed_in_children(server, descriptor):
    with open("/proc/%d/fdinfo/%d" % (server.pid, descriptor)) as f:
        flags = int(re.search(r"flags:\s+(\d+)", f.read()).group(1), 8)
    return bool(flags & os.O_CLOEXEC)


# -- sockets ------------------------------------------------------------------------------------------------------------------


def test_sockets_that_are_given_are_served_and_the_others_are_bound(own_server):
    server = own_server(start=False)
    server.through = activated("127.0.0.1:%d" % server.port("smtp"), "127.0.0.1:%d" % server.port("imaps"))
    server.start_once(60)
    assert [descriptor_at(server, n) for n in ("smtp", "imaps")] == [3, 4]
    assert descriptor_at(server, "pop3s") > 4
    assert all(is_closed_in_children(server, descriptor_at(server, n)) for n in serving.PORTS)
    deliver(server)
    assert len(Account(server, "alice").bodies()) == 1
    assert server.stop() == 0


@networks.needed
def test_everywhere_by_both_families_is_two_addresses_of_one_port():
    cable = networks.Networks([], [])
    try:
        with cable.here(), serving.Server({"listeners.addresses": ["0.0.0.0", "'::'"]}) as server:
            server.make("alice").start()
            for host in "127.0.0.1", "::1":
                with socket.create_connection((host, server.port("smtp"))) as s:
                    assert s.recv(100).startswith(b"220 "), host
    finally:
        cable.remove()


def test_a_connection_that_came_before_the_server_was_there_is_served(own_server):
    server = own_server(start=False)
    # The listening socket is the test's, and outlives both servers: nobody is refused meanwhile.
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((server.host, server.port("smtp")))
    listening.listen()
    os.set_inheritable(listening.fileno(), True)
    code = "import os, sys; os.dup2(%d, 3, inheritable=True); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); os.execv(sys.argv[1], sys.argv[1:])"
    wrapped = [sys.executable, "-c", code % listening.fileno(), serving.program(), "serve"]
    for _ in range(2):
        with socket.create_connection((server.host, server.port("smtp"))) as early:
            with open(server.log, "ab") as log:
                process = subprocess.Popen(wrapped, env=server.environment(), cwd=server.top, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           pass_fds=[listening.fileno()])
            try:
                early.settimeout(60)
                assert early.recv(100).startswith(b"220 ")
            finally:
                process.terminate()
                assert process.wait(30) == 0
    listening.close()


def test_the_socket_for_programs_of_this_machine_may_be_given_and_is_left_where_it_is(own_server):
    server = own_server(start=False)
    path = os.path.join(server.top, "mail.sock")
    server.settings["sendmail.socket"] = path
    server.write_configuration()
    server.through = activated(path)
    server.start_once(60)
    r = subprocess.run([serving.program(), "sendmail", "alice"], input="Subject: x\n\nx\n", env=server.environment(), text=True, stderr=subprocess.PIPE)
    assert r.returncode == 0, r.stderr
    assert len(Account(server, "alice").bodies()) == 1
    assert server.stop() == 0 and stat.S_ISSOCK(os.stat(path).st_mode)


@pytest.mark.parametrize("place,words", [
    ("127.0.0.1:{other}", ["name0", "127.0.0.1 port {other}, where nothing is configured"]),
    ("127.0.0.2:{smtp}", ["127.0.0.2 port {smtp}", "smtp is at 127.0.0.1 port {smtp}"]),
    ("/{top}/other.sock", ["other.sock, where nothing is configured"]),
    ("datagram:", ["no stream socket"]),
    ("connected:", ["Accept=no is meant"]),
])
def test_a_socket_that_nobody_would_serve_stops_the_start(own_server, place, words):
    server = own_server(start=False)
    facts = {"smtp": server.port("smtp"), "other": server.offset + 1, "top": server.top.lstrip("/")}
    r = subprocess.run([*activated(place.format(**facts)), serving.program(), "serve"], env=server.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, timeout=60)
    [line] = r.stderr.splitlines()
    assert r.returncode == 78 and all(w.format(**facts) in line for w in words), r.stderr


def test_what_is_meant_for_another_process_is_not_taken(own_server):
    server = own_server(start=False)
    server.through = activated("127.0.0.1:%d" % serving.free_offset(), "pid:")
    server.start_once(60)
    deliver(server)


@need("systemd-socket-activate")
def test_systemds_own_socket_activation_starts_it_with_the_first_client(own_server):
    server = own_server(start=False)
    env = server.environment()
    given = [w for name in env if name.startswith(("MARTLET_", "LD_", "SWIFT_")) for w in ("-E", "%s=%s" % (name, env[name]))]
    with open(server.log, "ab") as log:
        process = subprocess.Popen(["systemd-socket-activate", "-l", "127.0.0.1:%d" % server.port("smtp"), "-l", "127.0.0.1:%d" % server.port("imaps"),
                                    "--fdname=smtp:imaps", *given, serving.program(), "serve"], env=env, cwd=server.top, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
    server.process = process
    eventually(lambda: "Listening on 127.0.0.1:%d" % server.port("imaps") in server.log_text(), server.log_text)
    deliver(server)
    assert len(Account(server, "alice").bodies()) == 1
    assert server.stop() == 0


# -- notices ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """A service manager's socket; its address as the environment has it."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    address = str(tmp_path / "notify") if request.param == "path" else "@martlet-test-%d" % os.getpid()
    s.bind(address.replace("@", "\0"))
    s.settimeout(60)
    yield s, address
    s.close()


def test_the_service_manager_is_told_when_it_serves_reloads_and_stops(own_server, manager):
    hears, address = manager
    server = own_server(start=False, env={"NOTIFY_SOCKET": address, "WATCHDOG_PID": "1", "WATCHDOG_USEC": "1000"})
    server.start()
    assert hears.recv(500).startswith(b"READY=1\n")
    server.process.send_signal(signal.SIGHUP)
    said = hears.recv(500)
    assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", said), said
    assert hears.recv(500).startswith(b"READY=1\n")
    server.process.terminate()
    # A watchdog that is another process's hears nothing.
    assert hears.recv(500).startswith(b"STOPPING=1\n")
    assert server.process.wait(30) == 0


def test_it_gives_signs_of_life_where_a_watchdog_wants_them(own_server, manager):
    hears, address = manager
    server = own_server(start=False, env={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "300000"})
    server.start()
    assert hears.recv(500).startswith(b"READY=1\n")
    assert [hears.recv(500) for _ in range(4)] == [b"WATCHDOG=1"] * 4
    # A server that hangs gives none.
    server.process.send_signal(signal.SIGSTOP)
    hears.settimeout(1)
    with pytest.raises(TimeoutError):
        for _ in range(100):
            hears.recv(500)
    server.process.send_signal(signal.SIGCONT)
    hears.settimeout(60)
    assert hears.recv(500) == b"WATCHDOG=1"


def test_nobody_who_listens_no_more_holds_it_up(own_server, tmp_path):
    server = own_server(start=False, env={"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "1000000"})
    server.start()
    assert server.stop() == 0


# -- secrets ------------------------------------------------------------------------------------------------------------------


def core_limit(pid):
    with open("/proc/%d/limits" % pid) as f:
        return re.search(r"Max core file size\s+(\S+)\s+(\S+)", f.read()).groups()


def test_no_core_is_dumped_unless_somebody_asks_for_it(own_server):
    server = own_server(env={"MARTLET_CORE_DUMPS": "false"})
    assert core_limit(server.pid) == ("0", "0")
    # What may not be looked into, the kernel gives to root.
    assert os.stat("/proc/%d/mem" % server.pid).st_uid == 0
    server.stop()
    server.extra = {"MARTLET_CORE_DUMPS": "true"}
    server.start()
    assert os.stat("/proc/%d/mem" % server.pid).st_uid == os.geteuid()
    assert core_limit(server.pid)[1] != "0" or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0


# -- root ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def nobodys(own_server):
    """Makes servers whose folder is nobody's, and which root starts."""
    def make(start=True, env=None, **settings):
        server = own_server("alice", start=False, settings={"user": "nobody", "group": "nogroup", **settings}, env=env, prepared=lambda s: own(s.top))
        server.counts = None
        return server.start() if start else server
    return make


def own(folder):
    os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)


def privileged_port():
    for port in range(700, 1024):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port below 1024")


@root
def test_root_binds_its_ports_and_becomes_the_service_user_for_good(nobodys):
    port = privileged_port()
    server = nobodys(start=False, **{"listeners.smtp.port": port, "logging.file": "log.own"})
    server.port = lambda name: port if name == "smtp" else serving.PORTS[name] + server.offset
    server.start_once(60)
    nobody = pwd.getpwnam("nobody")
    threads = status(server.pid)
    assert len(threads) > 3
    for t in threads:
        assert set(t["Uid"].split()) == {str(nobody.pw_uid)} and set(t["Gid"].split()) == {str(nobody.pw_gid)}, t
        assert set(t["Groups"].split()) <= {str(g) for g in os.getgrouplist("nobody", nobody.pw_gid)}, t
        assert t["NoNewPrivs"] == "1" and int(t["CapEff"], 16) == int(t["CapPrm"], 16) == int(t["CapAmb"], 16) == 0, t
    with SMTP(server.host, port) as smtp:
        assert smtp.deliver("a@remote.example", [server.address("alice")], MESSAGE)[0] == 250
    # Commands of root go by the same user: nothing in the folder is ever root's.
    server.cli("account", "add", "later@example.test", "--password-stdin", stdin="correct horse 4711 battery\n")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "Certificates read again" in open(os.path.join(server.top, "log.own")).read())
    server.stop()
    server.cli("store", "check")
    for folder, folders, files in os.walk(server.data):
        for name in folders + files:
            facts = os.lstat(os.path.join(folder, name))
            assert facts.st_uid == nobody.pw_uid and not facts.st_mode & 0o077, (folder, name)
    assert os.stat(server.key).st_uid == os.stat(os.path.join(server.top, "log.own")).st_uid == nobody.pw_uid
    server.start_once(60)
    assert len(Account(server, "alice").bodies()) == 1


@root
def test_a_key_that_the_service_user_cannot_read_stops_the_start_not_the_renewal(nobodys, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-days", "30",
                    "-keyout", "key.pem", "-out", "certificate.pem"], cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    server = nobodys(start=False)
    for name in "key.pem", "certificate.pem":
        shutil.move(tmp_path / name, server.top)
    key = os.path.join(server.top, "key.pem")
    server.settings.update({"tls.certificate": os.path.join(server.top, "certificate.pem"), "tls.key": key})
    server.write_configuration()
    os.chmod(server.settings["tls.certificate"], 0o644)
    os.chmod(key, 0o600)
    line = refused(server, "key", "as user nobody", "tls.key", key, "Permission denied")
    assert line.startswith("martlet: as user nobody: ")
    os.chown(key, 0, pwd.getpwnam("nobody").pw_gid)
    os.chmod(key, 0o640)
    server.start()
    deliver(server)


@root
def test_users_that_nobody_can_become_stop_the_start(nobodys):
    server = nobodys(start=False)
    for user, words in [("no-such-user", "there is no such user"), ("root", "it is root")]:
        refused(server, user, "user", words, env={"MARTLET_USER": user})
    server.within = ["setpriv", "--reuid", "daemon", "--regid", "daemon", "--clear-groups"]
    r = server.cli("account", "list", check=False, env={"MARTLET_CONFIG": "embedded", "MARTLET_USER": "nobody"})
    assert r.returncode == 77 and "only root can become them: this runs as daemon" in r.stderr


@root
def test_root_without_a_user_is_warned(own_server):
    assert "It runs as root" in own_server().log_with("It runs as root")


@root
def test_checks_by_root_judge_for_the_service_user(nobodys):
    server = nobodys(start=False)
    # The folder is that user's, as it should be.
    assert "data.foreign" not in server.cli("doctor", "--json", "--set", "dns.servers=127.0.0.1@9", check=False).stdout
    assert server.cli("config", "check").returncode == 0
    r = server.cli("config", "check", check=False, env={"MARTLET_USER": "no-such-user"})
    assert r.returncode == 78 and "there is no such user" in r.stderr


# -- the unit -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def units(tmp_path):
    """The units, with the program that was built."""
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    service = folder / "martlet.service"
    text = service.read_text()
    assert "ExecStart=/usr/bin/martlet serve" in text and "Documentation=" in text
    service.write_text(text.replace("/usr/bin/martlet", serving.program()))
    return folder


def exposure(unit):
    r = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", unit], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    assert r.returncode == 0, r.stdout
    return float(re.search(r"exposure level for \S+: ([0-9.]+)", r.stdout).group(1))


@need("systemd-analyze")
def test_the_units_exposure_is_at_most_2(units):
    alone = exposure(units / "martlet.service")
    shutil.copytree(units / "with-sockets", units, dirs_exist_ok=True)
    assert alone <= 2.0
    # Drop-ins are not looked at offline: their lines behind the unit's mean the same.
    both = (units / "martlet.service").read_text().replace("[Install]", (units / "martlet.service.d" / "sockets.conf").read_text() + "\n[Install]")
    (units / "both.service").write_text(both)
    assert exposure(units / "both.service") < alone


@need("systemd-analyze")
def test_systemd_finds_no_fault_in_the_units(units):
    shutil.copytree(units / "with-sockets", units, dirs_exist_ok=True)
    r = subprocess.run(["systemd-analyze", "verify", "--man=no", units / "martlet.service", units / "martlet.socket"], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, env={**os.environ, "SYSTEMD_UNIT_PATH": "%s:" % units})
    ours = [line for line in r.stdout.splitlines() if "martlet" in line]
    assert ours == [], r.stdout
