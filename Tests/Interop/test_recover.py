"""The index is lost: what `store recover` brings back, as clients see it."""
import glob
import hashlib
import os

import pytest
from conftest import Account
from wire import SMTP

pytestmark = pytest.mark.own


def sight(account):
    """{mailbox: (UIDVALIDITY, {UID: (flags, INTERNALDATE, octets)})}, and what is subscribed."""
    with account.imap() as imap:
        seen = {}
        for name in listing(imap, 'LIST "" "*"'):
            selected = imap.select(name)
            rows = {}
            if selected.get("EXISTS"):
                for uid, item in imap.fetch("1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])").items():
                    flags = frozenset(f for f in item["FLAGS"] if f != "\\Recent" and f != b"\\Recent")
                    rows[uid] = (flags, item["INTERNALDATE"], hashlib.sha256(item["BODY[]"]).hexdigest())
            seen[name] = (selected["UIDVALIDITY"], rows)
        return seen, listing(imap, 'LSUB "" "*"')


def listing(imap, command):
    """Names of mailboxes."""
    names = [item[4] for item in imap.command(command)[1] if item[1:2] in (["LIST"], ["LSUB"])]
    return sorted(n.decode() if isinstance(n, bytes) else n for n in names)


def picture(folder):
    """Every file with its octets."""
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            if os.path.isfile(path) and name != "lock":
                with open(path, "rb") as f:
                    found[path] = hashlib.sha256(f.read()).hexdigest()
    return found


def test_after_the_index_is_lost_clients_see_the_same_and_later_mail_is_in_recovered(own_server):
    server = own_server()
    alice, bob = Account(server, "alice"), Account(server, "bob")
    with SMTP(server.host, server.port("smtp")) as smtp:
        for number, size in enumerate([100, 4000, 400_000]):
            mail = b"Subject: %d\r\n\r\n" % number + b"plum tart\r\n" * (size // 11)
            assert smtp.deliver("a@remote.example", [alice.address, bob.address], mail)[0] == 250
    with alice.imap() as imap:
        imap.command("CREATE Work")
        imap.select("INBOX")
        imap.command("STORE 1:2 +FLAGS (\\Flagged $Forwarded)")
        imap.command("COPY 2:3 Work")
        imap.command("STORE 1 +FLAGS (\\Deleted)")
        imap.command("EXPUNGE")
    before = [sight(alice), sight(bob)]
    server.stop()
    server.start()
    late = b"Subject: late\r\n\r\nquince\r\n"
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [bob.address], late)[0] == 250
    running = server.cli("store", "recover", check=False)
    assert running.returncode == 75 and "in use" in running.stderr, running
    server.kill()
    for path in glob.glob(os.path.join(server.data, "index.db*")):
        os.unlink(path)
    files = picture(server.data)
    dry = server.cli("store", "recover", check=False)
    assert "Nothing was changed" in dry.stdout and "1 for Recovered" in dry.stdout, dry
    assert picture(server.data) == files
    done = server.cli("store", "recover", "--apply")
    assert "bob@" in done.stdout
    again = server.cli("store", "recover", "--apply")
    assert "There is nothing to bring back" in server.cli("store", "recover").stdout, again.stdout
    server.start()
    after = [sight(alice), sight(bob)]
    assert after[0] == before[0]
    recovered = after[1][0].pop("Recovered")
    after[1][1].remove("Recovered")
    assert after[1] == before[1]
    assert len(recovered[1]) == 1
    (octets,) = Account(server, "bob").bodies("Recovered").values()
    assert octets.endswith(late)
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [alice.address], late)[0] == 250
    assert len(alice.bodies()) == 3
    server.cli("store", "check")


def test_a_removed_account_is_removed_from_every_file(own_server):
    server = own_server()
    alice = Account(server, "alice")
    with SMTP(server.host, server.port("smtp")) as smtp:
        assert smtp.deliver("a@remote.example", [alice.address], b"Subject: x\r\n\r\ny\r\n")[0] == 250
    (path,) = [p for p in glob.glob(os.path.join(server.data, "keys", "*.key")) if p.endswith("/1.key")]
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path, "rb") as f:
        sealed = f.read()[18:78]  # behind magic, account, length and the key's number
    assert len(sealed) == 60
    server.cli("account", "remove", alice.address, "--yes")
    for top, _, names in os.walk(server.data):
        for name in names:
            if os.path.isfile(os.path.join(top, name)):
                with open(os.path.join(top, name), "rb") as f:
                    assert sealed not in f.read(), name
    assert not os.path.exists(path)
    server.kill()
    for path in glob.glob(os.path.join(server.data, "index.db*")):
        os.unlink(path)
    done = server.cli("store", "recover", "--apply", check=False)
    assert "bob@" in done.stdout and alice.address + "\t" not in done.stdout, done
    server.start()
    assert alice.address not in server.cli("account", "list").stdout
