"""What a message's header is: to the server when it comes in, and to every reader of what lies there. docs/protocols/intake.md."""
import pytest
from mailset import as_taken, without_trace

pytestmark = pytest.mark.own

JUNK = [
    b"Backup failed on host 7\r\nSubject: kestrel\r\n\r\nwren\r\n",
    b"Subject: kestrel\r\njunk without a colon\r\nX-B: 2\r\n\r\nwren\r\n",
    b" folded at once\r\nSubject: kestrel\r\n\r\nwren\r\n",
    b"From a@remote.example Mon Nov 23 10:00:00 2026\r\nSubject: kestrel\r\n\r\nwren\r\n",
    b"Subject : kestrel\r\n: nameless\r\n\r\nwren\r\n",
    b"Subject: kestrel\r\n\t \r\nX-B: 2\r\n\r\nwren\r\n",
    b"Return-Path: <x@y>\r\nBcc: carol@remote.example\r\nSubject: kestrel\r\n\r\nwren\r\n",
]


def test_a_message_is_kept_alike_by_every_door(server, account, mx):
    for data in JUNK:
        for bdat, chunk in ((False, 65536), (True, 65536), (True, 1)):
            assert mx.deliver("a@remote.example", [account.address], data, bdat=bdat, chunk=chunk)[0] == 250
    kept = [without_trace(body) for _, body in sorted(account.bodies().items())]
    assert kept == [as_taken(data) for data in JUNK for _ in range(3)]
    assert kept[0] == b"\r\n" + JUNK[0] and kept[18] == b"Subject: kestrel\r\n\r\nwren\r\n"


def test_text_of_a_script_is_a_body_to_every_reader(account, mx):
    assert mx.deliver("a@remote.example", [account.address], JUNK[0])[0] == 250
    with account.imap() as imap:
        imap.select("INBOX")
        part = imap.fetch(1, "(BODY.PEEK[HEADER] BODY.PEEK[TEXT] ENVELOPE PREVIEW)")[1]
        assert part["BODY[TEXT]"] == JUNK[0] and part["ENVELOPE"][1] is None
        assert part["PREVIEW"].startswith(b"Backup failed on host 7")
        assert imap.command('UID SEARCH BODY "backup failed" NOT SUBJECT kestrel')[1] == [["*", "SEARCH", "1"]]


@pytest.mark.parametrize("number", range(len(JUNK)))
def test_all_readers_see_one_header_in_what_was_appended(account, number):
    """APPEND keeps what it gets. The header ends at the first empty line, to everybody."""
    data = JUNK[number]
    header, _, text = data.partition(b"\r\n\r\n")
    header += b"\r\n\r\n"
    with account.imap() as imap:
        imap.command("APPEND INBOX ", data)
        imap.select("INBOX")
        part = imap.fetch(1, "(BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[HEADER.FIELDS.NOT (X)] RFC822.HEADER ENVELOPE PREVIEW)")[1]
        assert part["BODY[]"] == data and part["BODY[TEXT]"] == text
        assert part["BODY[HEADER]"] == part["RFC822.HEADER"] == header
        assert part["BODY[HEADER.FIELDS.NOT (X)]"] == header
        assert part["ENVELOPE"][1] == b"kestrel" and part["PREVIEW"] == b"wren"
        for key, found in (("SUBJECT kestrel", True), ("BODY wren", True), ("BODY kestrel", False), ("TEXT kestrel", True)):
            assert imap.command("UID SEARCH " + key)[1] == [["*", "SEARCH"] + ["1"] * found], key
    with account.pop3() as pop:
        assert pop.multiline("TOP 1 0") == header
        assert pop.multiline("TOP 1 1") == header + text


def test_an_address_is_found_as_the_envelope_tells_it(account):
    """Whether or not the index has got to the message: blanks and comments part an address, but none of its words."""
    data = b"From: Ann (c) <wren (d) . b @ birds\r\n\t.example>\r\nTo: G: \"kite\"@birds.example;\r\nSubject: s\r\n\r\nx\r\n"
    with account.imap() as imap:
        for _ in range(200):
            imap.command("APPEND INBOX ", data)
        imap.command("APPEND INBOX ", data.replace(b"birds", b"beasts"))
        imap.select("INBOX")
        assert imap.fetch(1, "(ENVELOPE)")[1]["ENVELOPE"][2][0][2:] == [b"wren.b", b"birds.example"]
        for key in ("FROM wren.b@birds.example", "TO kite@birds", 'FROM "REN.B@BIRDS"', 'FROM "Ann (c)" FROM @birds.example'):
            for _ in range(3):
                assert imap.command("SEARCH RETURN (COUNT) " + key)[1][0][-1] == "200", key
        for key in ("FROM kite@birds.example", "TO wren.b@birds.example", "HEADER From wren.b@birds.example", "FROM wren.b@birds.example.x"):
            assert imap.command("SEARCH RETURN (COUNT) " + key)[1][0][-1] == "0", key
