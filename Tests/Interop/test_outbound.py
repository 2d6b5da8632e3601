"""What mail to other servers needs: names, ways, and the switch that lets it leave."""
import json

import pytest
import server as serving
from nameserver import NameServer

pytestmark = pytest.mark.own


@pytest.fixture
def started():
    servers = []

    def start(settings=None, env=None):
        s = serving.Server(settings=settings, env=env)
        servers.append(s)
        s.make("alice")
        return s.start()

    yield start
    for s in servers:
        s.remove()


def test_names_are_asked_of_the_configured_server_and_the_log_says_what_they_are_worth(started):
    with NameServer() as names:
        server = started({"outbound.enabled": True, **names.settings})
        assert "none is proved, so there is no DANE: dns.trust-anchor is none" in server.log_with("Names are")
        assert (".", 2) in names.asked
        assert server.stop() == 0


def test_a_server_that_leaves_signatures_out_is_named_in_the_log(started):
    with NameServer() as names:
        server = started({"outbound.enabled": True, **names.settings, "dns.trust-anchor": "root"})
        assert "Names cannot be trusted" in server.log_with("Names ", timeout=40)
        assert server.stop() == 0


def test_a_stop_does_not_wait_for_a_name_server_that_never_answers(started):
    with NameServer() as names:
        names.silent.add(".")
        server = started({"outbound.enabled": True, **names.settings})
        assert server.stop(timeout=15) == 0
        assert "Names " not in server.log_text()


def test_with_outbound_off_nobody_is_asked(started):
    with NameServer() as names:
        server = started(names.settings)
        assert "queued and held" in server.log_with("held")
        assert server.stop() == 0
        assert names.asked == []


def test_the_embedded_default_holds_mail_and_says_how_to_send_it():
    with serving.Server() as server:
        server.configuration = "embedded"
        server.start()
        text = server.log_with("To send it")
        assert "Mail to other servers is queued and held: nothing leaves this machine." in text
        assert "MARTLET_OUTBOUND_ENABLED=true" in text
        assert server.stop() == 0
        with NameServer() as names:
            server.extra = {"MARTLET_OUTBOUND_ENABLED": "true", "MARTLET_DNS_SERVERS": "127.0.0.1@%d" % names.port, "MARTLET_DNS_TRUST_ANCHOR": "none"}
            since = len(server.log_text())
            server.start()
            assert "Names are found" in server.log_with("Names ", since)
            assert "queued and held" not in server.log_text()[since:]
            assert server.stop() == 0


def test_bad_names_stop_the_start_with_one_line(started):
    server = serving.Server(settings={"outbound.enabled": True, "dns.local-records": ["mx.example. IN NONSENSE 1"]})
    try:
        server.make("alice")
        with pytest.raises(serving.StartFailed):
            server.start()
        assert server.process.returncode == 78
        assert "libunbound cannot answer mx.example. IN NONSENSE 1" in server.log_text()
    finally:
        server.remove()


def test_config_check_and_show():
    with serving.Server(settings={"outbound.routes": ["smarthost relay.example.net:587 user=me password-file=PASSWORD"],
                                  "outbound.destinations": ["smarthost *"]}) as server:
        password = server.top + "/password"
        with open(password, "w") as f:
            f.write("sesame\n")
        with open(server.configuration) as f:
            text = f.read().replace("PASSWORD", password)
        with open(server.configuration, "w") as f:
            f.write(text)
        check = server.cli("config", "check").stdout
        assert "queued and held (outbound.enabled is false)" in check and "route smarthost by relay.example.net:587" in check
        found = json.loads(server.cli("config", "check", "--json").stdout)
        assert found["outbound"] is False and found["routes"] == [{"name": "smarthost", "hosts": ["relay.example.net:587"]}]
        shown = server.cli("config", "show", "--set", "outbound.hold=20").stdout
        assert "outbound.hold: 20  # --set outbound.hold\n" in shown
        assert 'outbound.destinations: ["smarthost *"]  # %s:' % server.configuration in shown
        assert "sesame" not in shown + check
        rows = {r["key"]: r for r in json.loads(server.cli("config", "show", "--json").stdout)}
        assert rows["outbound.enabled"]["value"] == "false" and rows["outbound.lifetime"]["origin"] == "default"
