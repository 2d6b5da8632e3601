"""What the server counts, as others read it: promtool (Debian package prometheus, or PROMTOOL) and prometheus-client's parser."""
import os
import re
import shutil
import subprocess

import pytest
from conftest import eventually
from prometheus_client.parser import text_string_to_metric_families
from server import ROOT, Server
from wire import IMAP, POP3, SMTP, Refused

pytestmark = pytest.mark.own


class Shown:
    """What `martlet metrics` prints."""

    def __init__(self, server):
        self.text = server.cli("metrics").stdout
        self.families = {f.name: f for f in text_string_to_metric_families(self.text)}
        self.values = {(s.name, frozenset(s.labels.items())): s.value for f in self.families.values() for s in f.samples}

    def value(self, name, /, **labels):
        return self.values[name, frozenset(labels.items())]


@pytest.fixture(scope="module")
def counted():
    with Server() as server:
        server.make("alice").start()
        yield server


def promtool():
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not found:
        pytest.skip("no promtool: Debian package prometheus, or PROMTOOL")
    return found


def test_others_can_read_them(counted):
    shown = Shown(counted)
    assert len(shown.families) > 30
    for name, family in shown.families.items():
        assert family.type in ("counter", "gauge", "histogram"), name
        assert family.documentation, name
        buckets = {}
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                labels = {k: v for k, v in sample.labels.items() if k != "le"}
                buckets.setdefault(frozenset(labels.items()), []).append((float(sample.labels["le"]), sample.value))
        for labels, ladder in buckets.items():
            assert ladder == sorted(ladder) and ladder[-1][0] == float("inf")
            assert [v for _, v in ladder] == sorted(v for _, v in ladder)
            assert ladder[-1][1] == shown.values[name + "_count", labels]


def test_promtool_finds_nothing(counted):
    run = subprocess.run([promtool(), "check", "metrics"], input=Shown(counted).text, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_promtool_takes_the_alerts():
    rules = os.path.join(ROOT, "share", "prometheus", "martlet.rules.yml")
    run = subprocess.run([promtool(), "check", "rules", rules], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


def test_alerts_ask_for_what_there_is(counted):
    with open(os.path.join(ROOT, "share", "prometheus", "martlet.rules.yml")) as f:
        text = f.read()
    names = {n for f in Shown(counted).families.values() for n in [f.name, *(s.name for s in f.samples)]}
    words = {w for line in text.splitlines() if "expr:" in line for w in re.findall(r"\b(?:martlet|process)_\w+", line)}
    assert words and words <= names


def test_only_what_can_count_is_there(counted):
    found = {}
    for (name, labels) in Shown(counted).values:
        if "service" in (labels := dict(labels)):
            found.setdefault(name, set()).add(labels["service"])
    assert found["martlet_http_requests_total"] == {"https", "http"}
    assert not found["martlet_tls_handshake_failures_total"] & {"http", "sendmail"}


def test_what_was_done_is_counted(counted):
    before = Shown(counted)
    with SMTP(counted.host, counted.port("smtp")) as smtp:
        assert smtp.command("MAIL FROM:<dora@remote.example>")[0] == 250
        assert smtp.command("RCPT TO:<nobody@example.test>")[0] == 550
        assert smtp.command("RCPT TO:<alice@example.test>")[0] == 250
        assert smtp.command("DATA")[0] == 354
        smtp.send(b"Subject: x\r\n\r\nhello\r\n.\r\n")
        assert smtp.reply()[0] == 250
        assert smtp.command("WHAT")[0] == 500
    with IMAP(counted.host, counted.port("imaps"), tls=True) as imap:
        imap.command('LOGIN alice "%s"' % counted.passwords["alice"])
        imap.command("SELECT INBOX")
        imap.command("FETCH 1 BODY[]")
        with pytest.raises(Refused):
            imap.command('CREATE "a/../b"')
        during = Shown(counted)
    after = Shown(counted)

    def rise(name, **labels):
        return after.value(name, **labels) - before.value(name, **labels)

    assert during.value("martlet_open_connections", service="imaps") == 1
    assert rise("martlet_connections_total", service="smtp") == 1 and rise("martlet_connections_total", service="imaps") == 1
    assert rise("martlet_messages_accepted_total", **{"from": "others"}) == 1
    assert rise("martlet_messages_accepted_bytes_total") > 20
    assert rise("martlet_mailbox_deliveries_total") == 1
    assert rise("martlet_smtp_refusals_total", stage="recipient", reason="recipient") == 1
    assert rise("martlet_smtp_command_seconds_count", **{"class": "delivery"}) == 1
    assert rise("martlet_imap_command_seconds_count", **{"class": "fetch"}) == 1
    assert rise("martlet_login_successes_total", protocol="imap") == 1
    assert rise("martlet_login_seconds_count") == 1 and rise("martlet_password_hash_seconds_count") == 1
    assert rise("martlet_security_events_total", event="path_traversal") == 1
    assert rise("martlet_security_events_total", event="invalid_input") == 1
    assert rise("martlet_store_commit_seconds_count") >= 1 and rise("martlet_store_body_sync_seconds_count") >= 1
    ends = [s.value for s in after.families["martlet_certificate_expiry_timestamp_seconds"].samples]
    assert len(ends) == 1 and ends[0] > after.value("process_start_time_seconds")
    assert after.value("martlet_disk_free_bytes") > 0
    assert after.value("martlet_queue_messages", state="held") == 0
    assert after.value("process_open_fds") > 5 and after.value("process_resident_memory_bytes") > 1 << 20
    # Nothing shown was named by anybody who came.
    assert "alice" not in after.text and "remote.example" not in after.text and "127.0.0.1" not in after.text
    eventually(lambda: Shown(counted).value("martlet_open_connections", service="imaps") == 0)
    eventually(lambda: Shown(counted).value("martlet_search_waiting_messages") == 0)
    eventually(lambda: Shown(counted).value("martlet_event_loop_delay_seconds_count") > 0)


def test_who_fails_most_is_named_elsewhere(counted):
    before = Shown(counted)
    with POP3(counted.host, counted.port("pop3s"), tls=True) as pop3:
        for name in ("mallory", "mallory", "trudy"):
            pop3.command("USER " + name)
            assert pop3.command("PASS wrong").startswith(b"-ERR")
    lines = counted.cli("metrics", "failures").stdout.splitlines()
    assert lines[:3] == ["Users:", "  2  mallory", "  1  trudy"]
    assert "Addresses:" in lines and "  3  127.0.0.1" in lines
    shown = Shown(counted)
    assert shown.value("martlet_login_failures_total", protocol="pop3", reason="credentials") \
        - before.value("martlet_login_failures_total", protocol="pop3", reason="credentials") == 3
    assert shown.value("martlet_login_failures_worst_address") >= 1
    assert "mallory" not in shown.text


def test_without_a_server_nobody_counts():
    with Server() as server:
        server.make()
        for order in (["metrics"], ["metrics", "failures"]):
            run = server.cli(*order, check=False)
            assert run.returncode == 69 and "no server runs" in run.stderr
