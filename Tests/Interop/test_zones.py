"""The private DNS that other tests rest on: each zone is to a resolver what it is meant to be."""
import shutil
import subprocess
import tempfile

import pytest
import server as serving
from nameserver import NOTIMP
from peers import answers, free_ports
from zones import Zones, needed, zone

pytestmark = [needed, pytest.mark.skipif(shutil.which("unbound") is None or shutil.which("drill") is None, reason="unbound, drill: not installed")]
MAIL = "mail IN A 192.0.2.1\n@ IN MX 10 mail\n_25._tcp.mail IN TLSA 3 1 1 " + "ab" * 32


class World:
    def __init__(self):
        names = ["signed.example", "forged.example", "stripped.example", "expired.example", "plain.example"]
        self.zones = Zones({n: zone(n, MAIL, ttl=0) for n in names}, signed=["signed.example"], forged={"forged.example": ("ab" * 32, "cd" * 32)},
                           stripped=["stripped.example"], expired=["expired.example"]).__enter__()
        self.zones.rest.records[("mail.other.example", "A")] = ["192.0.2.9"]
        self.zones.rest.failing[("_25._tcp.mail.other.example", "TLSA")] = NOTIMP
        self.port, = free_ports(1)
        self.configuration = tempfile.NamedTemporaryFile("w", suffix=".conf")
        self.configuration.write(self.zones.unbound("127.0.0.1", self.port))
        self.configuration.flush()
        self.process = subprocess.Popen(["unbound", "-d", "-c", self.configuration.name], stdin=subprocess.DEVNULL)
        assert serving.until(lambda: answers(self.port), 30)

    def ask(self, name, kind):
        return subprocess.run(["drill", "-D", "-p", str(self.port), "@127.0.0.1", name, kind], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60).stdout

    def remove(self):
        self.process.terminate()
        self.process.wait(30)
        self.configuration.close()
        self.zones.__exit__()


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.mark.parametrize("name,kind,code,proved,data", [
    ("mail.signed.example", "A", "NOERROR", True, "192.0.2.1"), ("_25._tcp.mail.signed.example", "TLSA", "NOERROR", True, "ab" * 32),
    ("gone.signed.example", "A", "NXDOMAIN", True, ""), ("mail.forged.example", "A", "NOERROR", True, "192.0.2.1"),
    ("_25._tcp.mail.forged.example", "TLSA", "SERVFAIL", False, ""), ("mail.stripped.example", "A", "SERVFAIL", False, ""),
    ("mail.expired.example", "A", "SERVFAIL", False, ""), ("_25._tcp.mail.plain.example", "TLSA", "NOERROR", False, "ab" * 32),
    ("mail.other.example", "A", "NOERROR", False, "192.0.2.9"), ("_25._tcp.mail.other.example", "TLSA", "SERVFAIL", False, ""),
    ("nothing.example", "A", "NXDOMAIN", False, "")])
def test_what_a_resolver_sees(world, name, kind, code, proved, data):
    said = world.ask(name, kind)
    assert "rcode: %s," % code in said and (" ad " in said.split("QUERY:")[0]) == proved and data in said, said


def test_a_zone_changes(world):
    assert world.ask("new.signed.example", "A").count("NXDOMAIN")
    world.zones.put("signed.example", zone("signed.example", MAIL + "\nnew IN A 192.0.2.7", ttl=0))
    said = world.ask("new.signed.example", "A")
    assert "192.0.2.7" in said and " ad " in said.split("QUERY:")[0], said
