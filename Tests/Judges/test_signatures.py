"""DKIM and ARC both ways with dkimpy and OpenDKIM over real messages and changed copies of them: what one signs the other accepts, and what one refuses the other
refuses. Our half is `SignatureExchangeTests`, in the built bundle of Swift tests."""
import base64
import glob
import json
import os
import random
import re
import shutil
import subprocess

import pytest

dkim = pytest.importorskip("dkim")
nacl_signing = pytest.importorskip("nacl.signing")

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUNDLE = os.environ.get("MARTLET_TEST_BUNDLE", ROOT + "/.build/debug/martletPackageTests.xctest")
MAIL = sorted(glob.glob(ROOT + "/../shared/data/mail-lkml/*.eml"))
FORMS = [(b"relaxed", b"relaxed"), (b"relaxed", b"simple"), (b"simple", b"relaxed"), (b"simple", b"simple")]

pytestmark = [
    pytest.mark.skipif(not MAIL, reason="no mail-lkml folder beside the project"),
    pytest.mark.skipif(not os.path.exists(BUNDLE), reason="the Swift tests are not built"),
]


class Keys:
    """An RSA and an Ed25519 key of others, with their records."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "rsa.pem")
        run("openssl", "genrsa", "-traditional", "-out", self.path, "2048")
        public = run("openssl", "rsa", "-in", self.path, "-pubout", "-outform", "DER")
        with open(self.path, "rb") as f:
            self.rsa = f.read()
        seed = nacl_signing.SigningKey(b"\7" * 32)
        self.ed25519 = base64.b64encode(bytes(seed))
        self.records = {
            "r._domainkey.other.example": "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode(),
            "e._domainkey.other.example": "v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(seed.verify_key)).decode(),
        }


def run(*command, **options):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    assert r.returncode == 0, (command, r.stdout[-2000:], r.stderr[-2000:])
    return r.stdout


def names(records):
    def answer(name, timeout=5):
        return records.get((name.decode() if isinstance(name, bytes) else name).rstrip("."), "").encode() or None
    return answer


def dkimpy(message, records, index=0):
    try:
        return "pass" if dkim.DKIM(message).verify(idx=index, dnsfunc=names(records)) else "fail"
    except dkim.DKIMException:
        return "fail"


def write(folder, name, message):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(message)


def read(folder):
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            yield name, f.read()


def changed(message, chance):
    """The message with one thing changed: an octet of the body or of a signed field, blanks, a line at the end, a field more."""
    end = message.index(b"\r\n\r\n")
    kind = chance.choice(["body", "subject", "blanks", "fold", "line", "lines", "from", "trace", "hash"])
    if kind == "body" and len(message) > end + 10:
        place = chance.randrange(end + 4, len(message) - 2)
        if message[place] not in b"\r\n \t":
            return message[:place] + (b"#" if message[place:place + 1] != b"#" else b"%") + message[place + 1:]
    if kind == "subject":
        return re.sub(rb"(?mi)^Subject: ", b"Subject: Re: ", message, count=1)
    if kind == "blanks":
        return message[:end + 4] + message[end + 4:].replace(b" ", b"  ", 1).replace(b"\r\n", b" \t\r\n", 1)
    if kind == "fold":
        return re.sub(rb"(?mi)^Subject: (\S+) ", rb"SUBJECT:\r\n\t\1\r\n  ", message, count=1)
    if kind == "line":
        return message + b"One line more\r\n"
    if kind == "lines":
        return message + b"\r\n\r\n"
    if kind == "from":
        return b"From: Somebody Else <else@evil.example>\r\n" + message
    if kind == "hash":
        return re.sub(rb"(?m)\bbh=(.)", lambda m: b"bh=" + (b"A" if m[1] != b"A" else b"B"), message, count=1)
    return b"Received: from one more by another; Thu, 1 Jan 1970 00:00:00 +0000\r\nX-More: yes\r\n" + message


def opendkim(folder, records, messages):
    """The results of OpenDKIM's Authentication-Results for each message."""
    data = os.path.join(folder, "records")
    with open(data, "w") as f:
        f.writelines("%s %s\n" % item for item in records.items())
    conf = os.path.join(folder, "opendkim.conf")
    with open(conf, "w") as f:
        f.write("TestDNSData %s\nMode v\nSyslog no\nTemporaryDirectory %s\n" % (data, folder))
    found = {}
    path = os.path.join(folder, "message")
    for name, message in messages:
        with open(path, "wb") as f:
            f.write(message)
        r = subprocess.run(["opendkim", "-x", conf, "-vv", "-t", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        found[name] = [m.decode() for m in re.findall(rb"\sdkim=(\w+)", r.stdout)]
    return found


def opendkim_signature(folder, keys, message, form):
    """The field that OpenDKIM would insert."""
    for name, text in (("table", "* key\n"), ("keys", "key other.example:r:%s\n" % keys.path), ("signing.conf", (
            "Mode s\nSyslog no\nSigningTable refile:%s/table\nKeyTable %s/keys\nSignatureAlgorithm rsa-sha256\nOversignHeaders From\nRequireSafeKeys no\n"
            "TemporaryDirectory %s\nCanonicalization %s/%s\n") % (folder, folder, folder, form[0].decode(), form[1].decode()))):
        write(folder, name, text.encode())
    write(folder, "message", message)
    out = run("opendkim", "-x", folder + "/signing.conf", "-vv", "-t", folder + "/message")
    value = re.search(rb"hname='DKIM-Signature' hvalue='([^']*)'", out)[1]
    return b"DKIM-Signature: " + value.replace(b"\n", b"\r\n") + b"\r\n"


def exchange(folder, test):
    environment = dict(os.environ, MARTLET_SIGNATURE_EXCHANGE=folder)
    command = [BUNDLE, "--testing-library", "swift-testing", "--filter", "SignatureExchangeTests/" + test]
    r = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert r.returncode == 0 and b"1 test in 1 suite passed" in r.stdout, r.stdout[-2000:]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("signatures"))
    for path in MAIL:
        with open(path, "rb") as f:
            message = f.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        write(folder + "/plain", os.path.basename(path), message)
    return folder


def test_what_we_sign_others_accept_and_changed_copies_nobody(plain):
    exchange(plain, "signs")
    with open(plain + "/records.json") as f:
        records = json.load(f)
    chance = random.Random(8)
    # Some of them have signatures of others below ours.
    count = {"pass": 0, "fail": 0}
    messages = {}
    for name, message in read(plain + "/ours"):
        messages[name] = message
        messages["changed " + name] = changed(message, chance)
    theirs = opendkim(plain, records, messages.items()) if shutil.which("opendkim") else {}
    os.makedirs(plain + "/theirs", exist_ok=True)
    for name, message in messages.items():
        write(plain + "/theirs", name, message)
    with open(plain + "/theirs.json", "w") as f:
        json.dump(records, f)
    exchange(plain, "judges")
    with open(plain + "/verdicts.json") as f:
        ours = json.load(f)
    shutil.rmtree(plain + "/theirs")
    for name, message in messages.items():
        verdicts = [dkimpy(message, records, index) for index in (0, 1)]
        if not name.startswith("changed "):
            assert verdicts == ["pass", "pass"], name
        assert ours[name]["dkim"][:2] == verdicts, (name, ours[name], verdicts)
        if theirs:
            assert theirs[name][:2] == verdicts, (name, theirs[name], verdicts)
        for verdict in verdicts:
            count[verdict] += 1
    assert count["pass"] > 2 * len(MAIL) and count["fail"] > len(MAIL) // 2, count
    for name, message in read(plain + "/sealed"):
        result, sets, reason = dkim.ARC(message).verify(dnsfunc=names(records))
        assert result == b"pass" and len(sets) == 2, (name, reason)
    print("ours: %d messages, %s%s" % (len(messages), count, "" if theirs else ", without OpenDKIM"))


def test_what_others_sign_we_judge_as_they_do(plain):
    keys = Keys(plain)
    chance = random.Random(9)
    shutil.rmtree(plain + "/theirs", ignore_errors=True)
    expected = {}
    for number, (name, message) in enumerate(read(plain + "/plain")):
        form = FORMS[number % 4]
        selector, key, algorithm = (b"r", keys.rsa, b"rsa-sha256") if number % 3 else (b"e", keys.ed25519, b"ed25519-sha256")
        signature = dkim.sign(
            message, selector, b"other.example", key, canonicalize=form, signature_algorithm=algorithm, length=number % 7 == 0, linesep=b"\r\n")
        signed = {"dkimpy": signature + message}
        if shutil.which("opendkim"):
            signed["opendkim"] = opendkim_signature(plain, keys, message, FORMS[number // 4 % 4]) + message
        for kind, text in signed.items():
            for tag, copy in ((kind, text), (kind + " changed", changed(text, chance))):
                write(plain + "/theirs", "%s %s" % (tag, name), copy)
                expected["%s %s" % (tag, name)] = copy
        sealed = b"Authentication-Results: other.example; none\r\n" + message
        fields = b"".join(dkim.arc_sign(sealed, b"r", b"other.example", keys.rsa, b"other.example", linesep=b"\r\n", timestamp=1700000000))
        for tag, copy in (("chain", fields + sealed), ("chain changed", changed(fields + sealed, chance))):
            write(plain + "/theirs", "%s %s" % (tag, name), copy)
            expected["%s %s" % (tag, name)] = copy
    with open(plain + "/theirs.json", "w") as f:
        json.dump(keys.records, f)
    exchange(plain, "judges")
    with open(plain + "/verdicts.json") as f:
        ours = json.load(f)
    assert set(ours) == set(expected)
    theirs = {}
    if shutil.which("opendkim"):
        theirs = opendkim(plain, keys.records, [item for item in expected.items() if not item[0].startswith("chain")])
    count = {"pass": 0, "fail": 0}
    for name, message in expected.items():
        if name.startswith("chain"):
            result = dkim.ARC(message).verify(dnsfunc=names(keys.records))[0]
            assert ours[name]["arc"] == result.decode(), (name, ours[name], result)
            count[ours[name]["arc"]] += 1
            continue
        verdict = dkimpy(message, keys.records)
        assert ours[name]["dkim"][:1] == [verdict], (name, ours[name], verdict)
        if theirs:
            assert theirs[name][:1] == [verdict], (name, theirs[name], verdict)
        if " changed " not in name:
            assert verdict == "pass", name
        count[verdict] += 1
    assert count["pass"] > 2 * len(MAIL) and count["fail"] > len(MAIL) // 2, count
    print("theirs: %d messages, %s%s" % (len(expected), count, "" if theirs else ", without OpenDKIM"))
