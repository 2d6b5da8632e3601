"""The outgoing queue as an administrator sees it: martlet queue."""
import json

import pytest
from wire import SMTP

pytestmark = pytest.mark.own


@pytest.fixture
def held(request):
    """A server of its own whose queue keeps what it has: mail may not leave."""
    from server import Server
    server = Server({"outbound.enabled": False}).make("postmaster", "alice").start()
    yield server
    server.remove()


def submit(server, *recipients, name="alice"):
    with SMTP(server.host, server.port("submissions"), tls=True) as smtp:
        assert smtp.auth_plain(server.address(name), server.passwords[name])[0] == 235
        for line in ["MAIL FROM:<%s>" % server.address(name)] + ["RCPT TO:<%s>" % r for r in recipients]:
            code, text = smtp.command(line)
            assert code == 250, (line, code, text)
        assert smtp.command("DATA")[0] == 354
        code, text = smtp.command("Subject: wren\r\n\r\nwren\r\n.")
        assert code == 250, text


def listed(server, *filters):
    return json.loads(server.cli("queue", "list", "--json", *filters).stdout)


@pytest.mark.parametrize("running", [True, False])
def test_the_queue_is_listed_and_changed_with_a_server_and_without(held, running):
    assert listed(held) == [] and "0 messages" in held.cli("queue", "list").stdout
    submit(held, "a@one.example", "b@two.example")
    submit(held, "c@two.example")
    if not running:
        assert held.stop() == 0
    first, second = listed(held)
    assert first["sender"] == "<%s>" % held.address("alice") and first["recipientCount"] == 2
    assert [r["address"] for r in first["recipients"]] == ["a@one.example", "b@two.example"]
    assert [e["id"] for e in listed(held, "--domain", "one.example")] == [first["id"]]
    assert len(listed(held, "--sender", "alice")) == len(listed(held, "--sender", held.address("alice").upper())) == 2
    assert listed(held, "--older-than", "2h") == [] and listed(held, "--sender", "<>") == []
    held.cli("queue", "hold", second["id"])
    assert [(e["id"], e["hold"]) for e in listed(held, "--state", "held")] == [(second["id"], "held by an administrator")]
    head, *rows = held.cli("queue", "list").stdout.splitlines()
    assert head.split() == ["ID", "AGE", "SIZE", "STATE", "NEXT", "SENDER", "RECIPIENTS"]
    assert [row.split()[0] for row in rows if row[0] != " "][:2] == [first["id"], second["id"]] and "    held by an administrator" in rows
    assert "Released 1 message." in held.cli("queue", "release", "--all").stdout
    held.cli("queue", "retry", "--domain", "two.example")
    assert json.loads(held.cli("queue", "cancel", "--domain", "two.example", "--json").stdout)["changed"] == [first["id"], second["id"]]
    left = json.loads(held.cli("queue", "show", first["id"], "--json").stdout)
    assert [(r["address"], r["phase"]) for r in left["recipients"]] == [("a@one.example", "waiting"), ("b@two.example", "cancelled")]
    assert "to a@one.example: waiting" in held.cli("queue", "show", first["id"]).stdout
    gone = held.cli("queue", "cancel", second["id"], first["id"], check=False)
    assert gone.returncode == 65 and "not in the queue: " + second["id"] in gone.stderr
    assert listed(held) == []
    assert held.cli("queue", "show", first["id"], check=False).returncode == 65


def test_a_message_that_is_given_up_is_told_to_its_sender(held):
    submit(held, "a@one.example")
    assert "Returned 1 message." in held.cli("queue", "bounce", "--all").stdout
    assert listed(held) == []
    from conftest import Account
    [report] = Account(held, "alice").bodies().values()
    assert b"report-type=delivery-status" in report and b"a@one.example" in report and b"Return-Path: <>" in report


def test_a_long_queue_comes_in_pages(held):
    for _ in range(130):
        submit(held, "a@one.example")
    assert len(listed(held)) == 130
    assert "Held 130 messages." in held.cli("queue", "hold", "--domain", "one.example").stdout


def test_what_was_done_with_a_message_is_in_its_trace(held):
    submit(held, "a@one.example")
    [entry] = listed(held)
    held.cli("queue", "hold", entry["id"])
    held.cli("queue", "release", entry["id"])
    lines = json.loads(held.cli("trace", entry["id"], "--json").stdout)
    assert [line["event"] for line in lines if line["fields"].get("by") == "administrator"] == ["held", "released"]
    held.cli("queue", "cancel", entry["id"])
    text = held.cli("trace", entry["transaction"]).stdout
    assert "cancelled for a@one.example by the administrator" in text
    nothing = held.cli("trace", "<nobody@nowhere.example>", check=False)
    assert nothing.returncode == 65 and "nothing is known" in nothing.stderr
