"""4,000 messages whose end never comes hold little memory together, which is given back; by what the system lends, so not a test of every day."""
import resource

import pytest
from conftest import Account, eventually
from test_unfinished import begin, unread
from wire import SMTP

pytestmark = pytest.mark.own
MB = 1 << 20
COUNT = 4000


def resident(server):
    with open("/proc/%d/status" % server.process.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) * 1024


def test_unfinished_messages_hold_little(own_server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < COUNT + 200:
        pytest.skip("too few files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = own_server(settings={"limits.exempt": ["127.0.0.0/8"], "limits.connections": 10_000})
    account = Account(server, "alice")
    start = resident(server)
    held = [begin(server, account.address, number) for number in range(COUNT)]
    try:
        # All of it was read: the text of the last came behind the others'.
        eventually(lambda: all(unread(line) == 0 for line in held))
        most = resident(server)
        assert most <= 200 * MB, "%d MB" % (most // MB)
        with SMTP(server.host, server.port("smtp")) as smtp:
            assert smtp.deliver("a@remote.example", [account.address], b"Subject: x\r\n\r\nfast and small\r\n")[0] == 250
    finally:
        for line in held:
            line.close()
    eventually(lambda: resident(server) <= start + 20 * MB, lambda: "%d MB after %d" % (resident(server) // MB, start // MB), 60)
    print("start %d MB, most %d MB, afterwards %d MB" % tuple(n // MB for n in (start, most, resident(server))))
