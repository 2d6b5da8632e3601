"""What we sign and seal, of real messages, and changed copies of it, as rspamd and Perl's Mail::DKIM judge them: as we do. Mail::DKIM knows no Ed25519 and is
asked of RSA and chains alone."""
import collections
import json
import os
import random
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Interop"))
from nameserver import NameServer  # noqa: E402
from rspamd import Rspamd  # noqa: E402
from test_signatures import MAIL, changed, exchange, plain, read, write  # noqa: E402, F401
from test_signatures import pytestmark as needs_mail_and_bundle  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DOMAIN = "martlet.example"

pytestmark = needs_mail_and_bundle


def has_mail_dkim():
    return shutil.which("perl") and subprocess.run(["perl", "-MMail::DKIM::ARC::Verifier", "-e", "1"], stderr=subprocess.DEVNULL, check=False).returncode == 0


@pytest.fixture(scope="module")
def ours(plain):  # noqa: F811
    """The folder with the messages in `theirs`, those messages, the keys' records, and our verdicts."""
    exchange(plain, "signs")
    with open(plain + "/records.json") as f:
        records = json.load(f)
    chance = random.Random(2113)
    messages = {}
    for kind in ("ours", "sealed"):
        for name, message in read(plain + "/" + kind):
            messages["%s %s" % (kind, name)] = message
            for number in range(3):
                messages["%s changed %d %s" % (kind, number, name)] = changed(message, chance)
    for name, message in messages.items():
        write(plain + "/theirs", name, message)
    with open(plain + "/theirs.json", "w") as f:
        json.dump(records, f)
    exchange(plain, "judges")
    with open(plain + "/verdicts.json") as f:
        verdicts = json.load(f)
    assert set(verdicts) == set(messages)
    return plain, messages, records, verdicts


def told(name, differ, count):
    print("%s: %d verdicts, %s" % (name, sum(count.values()), dict(count)))
    assert not differ, "%d differ, the first: %s" % (len(differ), differ[:10])
    assert count["pass"] > 2 * len(MAIL) and count["fail"] > 2 * len(MAIL), count


@pytest.mark.skipif(not has_mail_dkim(), reason="no Mail::DKIM: Debian's libmail-dkim-perl")
def test_mail_dkim(ours):
    folder, messages, records, verdicts = ours
    with open(folder + "/records", "w") as f:
        f.writelines("%s %s\n" % item for item in records.items())
    r = subprocess.run(["perl", HERE + "/mail_dkim.pl", folder + "/theirs", folder + "/records"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert r.returncode == 0, r.stderr[-2000:]
    theirs = {}
    for line in r.stdout.decode().splitlines():
        name, signatures, chain = line.split("\t")
        theirs[name] = (dict(s.rsplit("=", 1) for s in signatures.split()), chain)
    assert set(theirs) == set(messages)
    differ, count = [], collections.Counter()
    for name in messages:
        signatures, chain = theirs[name]
        if name.startswith("sealed"):
            expected, said, kind = verdicts[name]["arc"], chain, "ARC"
        else:
            expected, said, kind = verdicts[name]["dkim"][0], signatures.get("r." + DOMAIN), "RSA"
        count[expected] += 1
        if said != expected:
            differ.append((name, kind, expected, said))
    told("Mail::DKIM", differ, count)


@pytest.mark.skipif(not shutil.which("rspamd"), reason="no rspamd: Debian's package")
def test_rspamd(ours):
    _, messages, records, verdicts = ours
    table = {(name, "TXT"): [record] for name, record in records.items()}
    differ, count = [], collections.Counter()
    with NameServer(table) as dns, Rspamd(dns.port) as rspamd:
        for name, message in messages.items():
            found = rspamd.judge(message)
            if name.startswith("sealed"):
                said = [word for symbol, word in (("ARC_ALLOW", "pass"), ("ARC_REJECT", "fail"), ("ARC_INVALID", "fail"), ("ARC_NA", "none"), ("ARC_DNSFAIL", "temperror")) if symbol in found]
                pairs = [("ARC", verdicts[name]["arc"], said[0] if len(said) == 1 else said)]
            else:
                said = {}
                for symbol, word in (("R_DKIM_ALLOW", "pass"), ("R_DKIM_REJECT", "fail"), ("R_DKIM_PERMFAIL", "permerror"), ("R_DKIM_TEMPFAIL", "temperror")):
                    for option in found.get(symbol, []):
                        said[option] = word
                pairs = [(kind, expected, said.get("%s:s=%s" % (DOMAIN, selector)))
                         for kind, selector, expected in (("RSA", "r", verdicts[name]["dkim"][0]), ("Ed25519", "e", verdicts[name]["dkim"][1]))]
            for kind, expected, word in pairs:
                count[expected] += 1
                if word != expected:
                    differ.append((name, kind, expected, word))
    told("rspamd", differ, count)
