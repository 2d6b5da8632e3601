"""What is done to one of many mailboxes costs what it touches, not what there is besides. Counted in octets that are allocated."""
import pytest

pytestmark = pytest.mark.own
FEW, MANY, TRIES = 200, 2_200, 20
VERBS = ["CREATE {0}", "SUBSCRIBE {0}", "RENAME {0} {0}x", "SETACL {0}x anyone l", "STATUS {0}x (MESSAGES)", "LIST \"\" {0}x", "UNSUBSCRIBE {0}", "DELETE {0}x"]
# Every name is looked at, and none of what there is is changed: LIST shows them in order.
READS_ALL = {"LIST \"\" {0}x"}


def make(imap, names):
    for name in names:
        imap.send(b"c CREATE %s\r\ns SUBSCRIBE %s\r\n" % (name.encode(), name.encode()))
    for _ in names:
        for tag in ("c", "s"):
            assert imap.response()[:2] == [tag, "OK"]


def costs(server, imap, prefix):
    """{verb: octets allocated by the cheapest of some}: a try may meet what the server does beside it."""
    found = {verb: [] for verb in VERBS}
    for n in range(TRIES):
        for verb in VERBS:
            before = server.counts.allocated
            imap.command(verb.format("%s%d" % (prefix, n)))
            found[verb].append(server.counts.allocated - before)
    return {verb: min(costs) for verb, costs in found.items()}


def test_one_of_many_mailboxes(own_server):
    server = own_server()
    from conftest import Account
    with Account(server, "alice").imap() as imap:
        make(imap, ["a%d" % n for n in range(FEW)])
        few = costs(server, imap, "few")
        make(imap, ["a%d" % n for n in range(FEW, MANY)])
        many = costs(server, imap, "many")
    for verb in VERBS:
        print("%-24s %8d %8d" % (verb, few[verb], many[verb]))
    for verb in set(VERBS) - READS_ALL:
        assert many[verb] <= few[verb] * 1.5 + 8_192, (verb, few[verb], many[verb])
