"""SORT and THREAD by a stock client, IMAPClient. RFC 5256."""
import pytest
from wire import lax_tls


def mail(number, subject, sender, refers=""):
    return (f"From: {sender}\r\nTo: b@example.test\r\nSubject: {subject}\r\nMessage-ID: <{number}@remote.example>\r\n{refers}"
            f"Date: Mon, {number:02} Mar 2026 10:11:12 +0100\r\n\r\nText.\r\n").encode()


@pytest.fixture
def client(server, account):
    imapclient = pytest.importorskip("imapclient")
    with imapclient.IMAPClient(server.host, server.port("imaps"), ssl_context=lax_tls(), timeout=30) as c:
        c.login(account.user, account.password)
        c.append("INBOX", mail(1, "pear", "zoe@remote.example"))
        c.append("INBOX", mail(2, "=?utf-8?q?=C3=84pfel?=", "Ann <ann@remote.example>"))
        c.append("INBOX", mail(3, "Re: [list] pear", "bob@remote.example", "In-Reply-To: <1@remote.example>\r\n"))
        c.append("INBOX", mail(4, "Re: plum", "carl@remote.example", "References: <gone@remote.example> <2@remote.example>\r\n"))
        c.select_folder("INBOX")
        yield c


def test_imapclient_sort(client):
    assert client.sort(["SUBJECT"]) == [2, 1, 3, 4]
    assert client.sort(["REVERSE FROM"]) == [1, 4, 3, 2]
    assert client.sort(["REVERSE DATE"], ["NOT", ["SUBJECT", "plum"]]) == [3, 2, 1]
    assert client.sort("ARRIVAL", ["SUBJECT", "äpfel"], "UTF-8") == [2]


def test_imapclient_thread(client):
    assert client.thread("REFERENCES") == ((1, 3), (2, 4))
    assert client.thread("ORDEREDSUBJECT") == ((1, 3), (2,), (4,))
    assert client.thread("REFERENCES", ["SUBJECT", "plum"]) == ((4,),)


def test_imapclient_object_ids_and_dates(client):
    if not client.has_capability("OBJECTID"):
        pytest.skip("the peer has no OBJECTID")
    found = client.fetch([1, 2, 3], ["EMAILID", "THREADID", "SAVEDATE", "PREVIEW"])
    assert len({found[n][b"EMAILID"] for n in found}) == 3
    assert found[1][b"THREADID"] == found[3][b"THREADID"] != found[2][b"THREADID"]
    assert found[2][b"PREVIEW"] == b"Text."
    client.copy([3], "Archive")
    client.select_folder("Archive")
    copied = client.fetch("1:*", ["EMAILID", "THREADID"])
    assert [(m[b"EMAILID"], m[b"THREADID"]) for m in copied.values()] == [(found[3][b"EMAILID"], found[3][b"THREADID"])]
