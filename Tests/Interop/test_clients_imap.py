"""Stock IMAP clients: imaplib, IMAPClient, curl. RFC 9051, 3501."""
import calendar
import imaplib
import threading
import time

import pytest
from conftest import PEERS, need, run
from wire import IMAP, SMTP, lax_tls

MESSAGE = (b"From: Ann <a@remote.example>\r\nTo: b@example.test\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <x@remote.example>\r\n"
           b"Date: Mon, 02 Mar 2026 10:11:12 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
           b"--b\r\nContent-Type: text/plain\r\n\r\nfirst part\r\n--b\r\nContent-Type: application/octet-stream\r\n"
           b"Content-Transfer-Encoding: base64\r\n\r\nAAEC/w==\r\n--b--\r\n")


@pytest.fixture
def box(server, account):
    m = imaplib.IMAP4_SSL(server.host, server.port("imaps"), ssl_context=lax_tls(), timeout=30)
    m.login(account.user, account.password)
    yield m
    try:
        m.logout()
    except imaplib.IMAP4.error:
        pass


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def test_imaplib_append_fetch_store_search_copy_expunge(box):
    ok(box.create("Work"))
    for flags in (r"(\Seen)", r"(\Flagged $Label)", None):
        ok(box.append("Work", flags, '" 2-Mar-2026 10:11:12 +0100"', MESSAGE))
    assert ok(box.select("Work")) == [b"3"]
    assert ok(box.uid("SEARCH", "UNSEEN")) == [b"2 3"]
    assert ok(box.uid("SEARCH", "CHARSET", "UTF-8", "FROM", "ann", "SENTON", "2-Mar-2026")) == [b"1 2 3"]
    data = ok(box.uid("FETCH", "1:*", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"))
    bodies = [d[1] for d in data if isinstance(d, tuple)]
    assert bodies == [MESSAGE] * 3
    assert all(b"RFC822.SIZE %d" % len(MESSAGE) in d[0] for d in data if isinstance(d, tuple))
    assert time.mktime(imaplib.Internaldate2tuple(data[0][0])) == calendar.timegm((2026, 3, 2, 9, 11, 12)) + time.mktime(time.gmtime(0))
    assert ok(box.fetch("1", "(BODY[2.MIME])"))[0][1].startswith(b"Content-Type: application/octet-stream")
    assert ok(box.fetch("1", "(BODY[1]<2.5>)"))[0][1] == b"rst p"
    ok(box.store("1", "+FLAGS.SILENT", r"(\Deleted)"))
    ok(box.copy("2:3", "INBOX"))
    assert ok(box.expunge()) == [b"1"]
    assert ok(box.uid("SEARCH", "ALL")) == [b"2 3"]
    assert ok(box.select("INBOX")) == [b"2"]
    assert b"$Label" in ok(box.fetch("1", "(FLAGS)"))[0]


def test_imaplib_starttls_and_sections(server, account):
    m = imaplib.IMAP4(server.host, server.port("imap"), timeout=30)
    if not PEERS:
        assert "LOGINDISABLED" in m.capabilities
        with pytest.raises(imaplib.IMAP4.error):
            m.login(account.user, account.password)
    m.starttls(ssl_context=lax_tls())
    m.login(account.user, account.password)
    ok(m.append("INBOX", None, None, MESSAGE))
    ok(m.select("INBOX", readonly=True))
    assert ok(m.fetch("1", "(BINARY.PEEK[2])"))[0][1] == b"\0\1\2\xff"
    assert ok(m.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))[0][1] == b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\n"
    m.logout()


def test_imaplib_authenticate_plain(server, account):
    m = imaplib.IMAP4_SSL(server.host, server.port("imaps"), ssl_context=lax_tls(), timeout=30)
    m.authenticate("PLAIN", lambda _: ("\0%s\0%s" % (account.user, account.password)).encode())
    assert m.state == "AUTH"
    m.logout()


def test_imapclient(server, account):
    imapclient = pytest.importorskip("imapclient")
    with imapclient.IMAPClient(server.host, server.port("imaps"), ssl_context=lax_tls(), timeout=30) as c:
        c.login(account.user, account.password)
        if not PEERS:
            special = {f for flags, _, name in c.list_folders() for f in flags}
            assert {b"\\Drafts", b"\\Sent", b"\\Trash", b"\\Junk", b"\\Archive"} <= special
        c.create_folder("Größe/Ärger & Co") if not PEERS else c.create_folder("Größe")
        name = "Größe/Ärger & Co" if not PEERS else "Größe"
        assert name in [n for _, _, n in c.list_folders()]
        c.append(name, MESSAGE, flags=[b"\\Seen", b"$Work"])
        assert c.folder_status(name, ["MESSAGES", "UNSEEN", "UIDNEXT"])[b"MESSAGES"] == 1
        c.select_folder(name)
        (uid,) = c.search(["SINCE", "01-Jan-2020"])
        got = c.fetch(uid, ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "BODY[]", "INTERNALDATE"])[uid]
        assert got[b"BODY[]"] == MESSAGE and b"$Work" in got[b"FLAGS"]
        assert got[b"ENVELOPE"].from_[0].mailbox == b"a" and got[b"BODYSTRUCTURE"].is_multipart
        c.add_flags(uid, [b"\\Flagged"])
        c.move(uid, "INBOX")
        assert c.search("ALL") == []
        c.select_folder("INBOX")
        assert len(c.search(["FLAGGED"])) == 1
        c.delete_folder(name)


def test_imapclient_idle_sees_mail_come(server, account):
    imapclient = pytest.importorskip("imapclient")
    with imapclient.IMAPClient(server.host, server.port("imaps"), ssl_context=lax_tls(), timeout=30) as c:
        c.login(account.user, account.password)
        c.select_folder("INBOX")
        c.idle()
        with SMTP(server.host, server.port("smtp")) as smtp:
            assert smtp.deliver("a@remote.example", [account.address], MESSAGE)[0] == 250
        seen = []
        deadline = time.monotonic() + 120
        while (1, b"EXISTS") not in seen and time.monotonic() < deadline:
            seen += c.idle_check(timeout=5)
        c.idle_done()
        assert (1, b"EXISTS") in seen


@need("curl")
def test_curl_reads_and_appends(server, account, tmp_path):
    url = "imaps://%s:%d" % (server.host, server.port("imaps"))
    login = ["-sS", "-k", "--user", "%s:%s" % (account.user, account.password)]
    file = tmp_path / "m.eml"
    file.write_bytes(MESSAGE)
    status, said = run("curl", *login, "-T", str(file), url + "/INBOX")
    assert status == 0, said
    status, said = run("curl", *login, url + "/INBOX;UID=1")
    assert status == 0 and said == MESSAGE
    status, said = run("curl", *login, url + "/INBOX?ALL")
    assert status == 0 and b"* SEARCH 1" in said, said
    status, said = run("curl", *login, url + "/INBOX", "-X", "FETCH 1 (FLAGS)")
    assert status == 0 and b"FLAGS (" in said, said


def test_sequence_numbers_stay_right_while_another_session_expunges(server, account):
    with account.imap() as one, account.imap() as two:
        for i in range(5):
            one.command("APPEND INBOX ", b"Subject: %d\r\n\r\n%d\r\n" % (i, i))
        one.select("INBOX")
        two.select("INBOX")
        two.command(r"STORE 2,4 +FLAGS.SILENT (\Deleted)")
        two.command("EXPUNGE")
        # RFC 9051 §7.5.1: no EXPUNGE during FETCH, STORE, SEARCH: the old numbers still mean the old messages.
        fetched = one.fetch("3", "(UID)", uid=False)
        assert list(fetched) == [3]
        text, untagged = one.command("NOOP")
        assert sorted(int(r[1]) for r in untagged if r[2:] == ["EXPUNGE"]) in ([2, 3], [2, 4])
        assert list(one.fetch("1:*", "(UID)", uid=False)) == [1, 3, 5]


def test_pipelined_commands_are_answered_in_order(server, account):
    with account.imap() as imap:
        tags = [imap.start("APPEND INBOX ", b"Subject: %d\r\n\r\n%d\r\n" % (i, i)) for i in range(40)]
        tags += [imap.start("SELECT INBOX"), imap.start(r"STORE 1:20 +FLAGS (\Deleted)"), imap.start("EXPUNGE"), imap.start("SEARCH ALL")]
        answered = []
        while len(answered) < len(tags):
            r = imap.response()
            if r[0] in tags:
                assert r[1] == "OK", r
                answered.append(r[0])
        assert answered == tags
        bodies = account.bodies()
        assert [b.split(b"\r\n\r\n")[1] for _, b in sorted(bodies.items())] == [b"%d\r\n" % i for i in range(20, 40)]


def test_login_is_refused_a_second_time(server, account):
    from wire import Refused
    with account.imap() as imap:
        with pytest.raises(Refused) as e:
            imap.login(account.user, account.password)
        assert str(e.value).startswith("BAD")


def test_many_readers_and_writers_of_one_mailbox(server, account):
    """What one session adds, every other sees; nobody's numbers go wrong."""
    failed = []

    def work(number):
        try:
            with account.imap() as imap:
                imap.select("INBOX")
                for i in range(10):
                    imap.command("APPEND INBOX ", b"X-Writer: %d-%d\r\n\r\nx\r\n" % (number, i))
                    imap.command("NOOP")
                    imap.fetch("1:*", "(UID FLAGS)")
        except Exception as e:
            failed.append(repr(e))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    [t.start() for t in threads]
    [t.join(60) for t in threads]
    assert not failed
    bodies = account.bodies()
    assert len(bodies) == 80 and len(set(bodies.values())) == 80
