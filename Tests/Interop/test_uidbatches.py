"""UIDBATCHES from outside: a mailbox is fetched batch by batch while another client expunges. RFC 10022."""
import pytest
from wire import Refused

MESSAGE = b"From: a@example.test\r\nSubject: batch\r\n\r\nText.\r\n"

pytestmark = pytest.mark.own


def fill(imap, count):
    """MULTIAPPEND: RFC 3502."""
    for start in range(0, count, 400):
        imap.command("APPEND INBOX", *[part for _ in range(min(400, count - start)) for part in (" ", MESSAGE)])


def batches(imap, arguments):
    _, untagged = imap.command(f"UIDBATCHES {arguments}")
    answer, = [r for r in untagged if r[:2] == ["*", "UIDBATCHES"]]
    assert answer[2] == ["TAG", f"t{imap.count}".encode()], answer
    found = [tuple(map(int, pair.split(":"))) for pair in answer[3].split(",")] if len(answer) > 3 else []
    for (_, low), (high, _) in zip(found, found[1:]):
        assert low == high + 1, "ranges join, the highest first"
    return found


def sizes(imap, found):
    return [len(imap.fetch(f"{high}:{low}", "(UID)")) for high, low in found]


def test_batches_partition_the_mailbox(account):
    one, two = account.imap(), account.imap()
    fill(one, 1300)
    one.command("SELECT INBOX")
    two.command("SELECT INBOX")
    assert "UIDBATCHES" in one.command("CAPABILITY")[1][0]
    found = batches(one, "500")
    assert sizes(one, found) == [500, 500, 300]
    assert found[-1][1] == 1
    # Another client expunges every second message; the first one was not told of it.
    two.command("UID STORE " + ",".join(str(n) for n in range(1, 1301, 2)) + " +FLAGS.SILENT (\\Deleted)")
    two.command("EXPUNGE")
    found = batches(one, "500")
    assert sizes(one, found) == [500, 150]
    assert batches(one, "500 2:2") == found[1:]
    assert batches(one, "500 3:9") == []
    # The same without numbers.
    one.command("ENABLE UIDONLY")
    assert batches(one, "600") == [(1300, 101), (100, 1)]
    # No batch is too big for the mailbox.
    assert batches(one, "4000000000") == [(1300, 1)]
    for bad, answer in (("499", "NO [TOOFEW]"), ("500 2:1", "BAD [CLIENTBUG]"), ("500 1:201", "NO [TOOMANY]"), ("500 1:*", "BAD")):
        with pytest.raises(Refused, match="^" + answer.replace("[", "\\[")):
            one.command(f"UIDBATCHES {bad}")
