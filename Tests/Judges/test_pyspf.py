"""pyspf (PyPI), the reference that RFC 7208's own test suite comes from, beside `martlet check spf`: made-up policies, and the same word for each."""
import json
import os
import random
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Interop"))
import server as serving  # noqa: E402
from nameserver import NameServer  # noqa: E402

spf = pytest.importorskip("spf")
SEED, DOMAINS, QUESTIONS = 7208, 60, 300
TOP = "gen.example"


def names(chance):
    """The table of a name server: hosts, exchangers, pointers and policies that lead to each other."""
    table = {}
    for n in range(20):
        table["h%d.%s" % (n, TOP), "A"] = ["192.0.2.%d" % chance.randrange(64)]
        table["h%d.%s" % (n, TOP), "AAAA"] = ["2001:db8::%x" % chance.randrange(64)]
    for n in range(64):
        table["%d.2.0.192.in-addr.arpa" % n, "PTR"] = ["h%d.%s" % (chance.randrange(22), TOP)]
        table["192.0.2.%d.listed.%s" % (n, TOP), "A" if n % 3 else "TXT"] = ["127.0.0.2"]
    for n in range(DOMAINS):
        name = "d%d.%s" % (n, TOP)
        table[name, "A"], table[name, "AAAA"] = ["192.0.2.%d" % chance.randrange(64)], ["2001:db8::%x" % chance.randrange(64)]
        table[name, "MX"] = [(10 * i, "h%d.%s" % (chance.randrange(21), TOP)) for i in range(chance.choice([1, 2, 3, 11]))]
        table[name, "TXT"] = [policy(chance)] * chance.choice([1] * 19 + [2])
    return table


def policy(chance):
    def lengths():
        return chance.choice(["", "", "/28", "//124", "/29//120", "/0", "/33", "//129", "/08"] if chance.random() < 0.3 else [""])

    def name():
        return chance.choice(["h%d.%s" % (chance.randrange(22), TOP), "d%d.%s" % (chance.randrange(DOMAINS), TOP), "%{d}", "%{d2}", "h%{l}.%{o2}", "%{h}"])

    def mechanism():
        return chance.choice([
            lambda: "a" + lengths(), lambda: "a:" + name() + lengths(), lambda: "mx" + lengths(), lambda: "mx:" + name() + lengths(),
            lambda: "ip4:192.0.2.%d/%d" % (chance.randrange(64), chance.choice([32, 30, 27])), lambda: "ip6:2001:db8::%x/124" % chance.randrange(64),
            lambda: "include:d%d.%s" % (chance.randrange(DOMAINS), TOP), lambda: "include:d%d.%s" % (chance.randrange(DOMAINS), TOP),
            lambda: "exists:%%{i}.listed.%s" % TOP, lambda: "exists:%{l1r+-}.listed." + TOP, lambda: "ptr", lambda: "ptr:" + TOP])()

    terms = [chance.choice(["", "", "+", "-", "~", "?"]) + mechanism() for _ in range(chance.randrange(5))]
    if chance.random() < 0.05:
        terms.append(chance.choice(["moo", "all.", "ip4:1.2.3", "a:", "exists", "include:", "exp=", "x=%q", "redirect:a.b", "a:foo-bar", "ptr/0", "+", "=x"]))
    if chance.random() < 0.2:
        terms.append("x-unknown=" + chance.choice(["1", "%{c}", "a:b/c"]))
    if chance.random() < 0.3:
        terms.append("redirect=d%d.%s" % (chance.randrange(DOMAINS + 1), TOP))
    else:
        terms.append(chance.choice(["-all", "~all", "?all", "+all", ""]))
    return " ".join(["v=spf1"] + terms).strip()


def test_the_same_verdicts():
    chance = random.Random(SEED)
    table = names(chance)

    def look_up(name, kind, *_, **__):
        name = name.rstrip(".").lower()
        return [((name, kind), (record.encode(),) if kind == "TXT" else record) for record in table.get((name, kind), [])]

    spf.DNSLookup = look_up
    differ, seen = [], {}
    with NameServer(table) as dns:
        settings = {**dns.settings, "dns.open-zones": ["example", "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"]}
        martlet = serving.Server(settings)
        try:
            for _ in range(QUESTIONS):
                address = "192.0.2.%d" % chance.randrange(64) if chance.random() < 0.8 else "2001:db8::%x" % chance.randrange(64)
                sender = "%s@d%d.%s" % (chance.choice(["1", "7-x", "a+b"]), chance.randrange(DOMAINS), TOP)
                helo = "h%d.%s" % (chance.randrange(22), TOP)
                theirs = spf.query(i=address, s=sender, h=helo, strict=True).check()[0]
                r = martlet.cli("check", "spf", "--ip", address, "--from", sender, "--helo", helo, "--json", check=False)
                report = json.loads(r.stdout)
                ours = report["findings"][0]["result"]
                seen[ours] = seen.get(ours, 0) + 1
                if ours != theirs:
                    differ.append((address, sender, helo, theirs, ours, report["findings"][0], [s["text"] for s in report["steps"]]))
        finally:
            martlet.remove()
    print("verdicts:", seen)
    assert not differ, (len(differ), differ[:5])
    # Otherwise there was little to differ in.
    assert all(seen.get(word, 0) >= 10 for word in ("pass", "fail", "softfail", "neutral", "permerror")), seen
