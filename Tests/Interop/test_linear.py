"""Messages that made other parsers slow: four times the octets take four times the instructions, not sixteen times. Counted by valgrind, which does not
know how busy the machine is."""
import concurrent.futures
import json
import os
import re
import shutil
import subprocess

import pytest
import server as serving
from conftest import need

pytestmark = [pytest.mark.own, need("valgrind"), need("strip")]

MIXED = 'From: a@x\nContent-Type: multipart/mixed; boundary="b"\n\n'
# What comes before, and what comes over and over.
INPUTS = {
    "open comments": ("To: ", "("), "comments": ("To: ", "(()) "), "quotes": ("To: ", '"\\"'), "angles": ("To: ", "<@"), "group marks": ("To: ", "a:;"),
    "colons": ("To: ", ":"), "routes": ("To: ", "<@a,"), "words": ("To: ", "a "), "dots": ("To: ", "a . "),
    "encoded words": ("To: a@x\nSubject: ", "=?utf-8?q?"), "marks": ("Subject: ", "=?"), "references": ("References: ", "<"),
    "identifiers": ("References: ", "<a@x> "), "closers": ("References: ", ">"), "parameters": ("Content-Type: text/plain", ";a*0=b"),
    "continuations": ("Content-Type: text/plain", "; a*9*=b%20"), "semicolons": ("Content-Type: text/plain", ";"), "dates": ("Date: ", "(1 Jan "),
    "languages": ("Content-Language: ", "a,"), "fields": ("", "a:b\n"), "folding": ("Subject: x", "\n y"), "colonless": ("", "x\n"),
    "one line": ("Subject: ", "x"), "dashes": (MIXED, "--\n"), "almost delimiters": (MIXED, "--bb\n"), "delimiters": (MIXED, "--b\n"),
    "parts": (MIXED, "--b\n\n"), "nesting": (MIXED, "--b\nContent-Type: multipart/mixed; boundary=b\n\n"),
    "messages": ("", "Content-Type: message/rfc822\n\n"), "tags": ("Content-Type: text/html\n\n", "<"),
    "unclosed comments": ("Content-Type: text/html\n\n", "<!--"), "entities": ("Content-Type: text/html\n\n", "&a"),
    "styles": ("Content-Type: text/html\n\n", "<style><"), "soft breaks": ("Content-Transfer-Encoding: quoted-printable\n\n", "= \n"),
    "padding": ("Content-Transfer-Encoding: base64\n\n", "A="), "bad characters": ("Content-Type: text/plain; charset=euc-jp\n\n", "\xff"),
    "lone returns": ("Subject: x\n\n", "\r"),
}


@pytest.fixture(scope="module")
def stripped(tmp_path_factory):
    """The program without its debugging information, of which valgrind cannot read as much as there is."""
    path = tmp_path_factory.mktemp("linear") / "martlet"
    subprocess.run(["strip", "-o", str(path), serving.program()], check=True)
    yield str(path)
    os.unlink(path)


def valgrind_broke(code, said):
    """Whether valgrind itself failed, as Debian's does now and then: that says nothing of the program, whose own end by a signal it would tell."""
    return "the 'impossible' happened" in said or (code < 0 and "Process terminating" not in said)


@pytest.fixture(scope="module")
def instructions(stripped, tmp_path_factory):
    """A function: how many instructions `message inspect` takes for these octets."""
    folder = tmp_path_factory.mktemp("inspected")

    def count(name, data):
        file = folder / ("%s %d" % (name, len(data)))
        file.write_bytes(data)
        env = {k: v for k, v in os.environ.items() if not k.startswith("MARTLET_")}
        env.update(SWIFT_DETERMINISTIC_HASHING="1", SWIFT_BACKTRACE="enable=no")
        words = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", stripped, "message", "inspect", str(file)]
        for _ in range(4):
            r = subprocess.run(words, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=1800)
            said = r.stderr.decode("utf-8", "replace")
            if not valgrind_broke(r.returncode, said):
                break
        assert r.returncode == 0, "%d: %s" % (r.returncode, said[-2000:])
        assert json.loads(r.stdout)["size"] == len(data)
        return int(re.search(r"I\s+refs:\s+([\d,]+)", said).group(1).replace(",", ""))

    return count


def message(name, octets):
    before, unit = (text.replace("\n", "\r\n").encode("latin-1") for text in INPUTS[name])
    return before + unit * (octets // len(unit))


def test_four_times_the_octets_take_four_times_the_instructions(instructions):
    start = instructions("nothing", b"Subject: x\r\n\r\n")

    def growth(name):
        # What lies deeper is written with more white space, down to where the parser stops.
        sizes = (8_000, 32_000) if name == "nesting" else (2_000, 8_000)
        small, large = (instructions(name, message(name, octets)) - start for octets in sizes)
        return name, small, large

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(growth, INPUTS))
    for name, small, large in found:
        print("%-20s %12d and, for four times as much, %12d: x %.2f" % (name, small, large, large / small))
    # What a limit cuts short grows by less; a square by sixteen.
    assert [f for f in found if f[2] > 5 * f[1] + 1_000_000] == []
