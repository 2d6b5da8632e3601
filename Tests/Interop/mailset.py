"""The messages that are sent through the server, and what the server may have put before them."""
import glob
import os
import re

import generate
import server

LKML = os.environ.get("MARTLET_TEST_MAIL") or os.path.join(server.ROOT, "..", "shared", "data", "mail-lkml")


def generated(count=200, small=False, seed=1):
    return list(generate.messages(seed, count, small))


def real():
    """Messages of a folder of *.eml files, as CRLF; none where it is absent."""
    found = []
    for number, path in enumerate(sorted(glob.glob(os.path.join(LKML, "*.eml")))):
        with open(path, "rb") as f:
            data = f.read()
        data = re.sub(rb"\r?\n", b"\r\n", data)
        needs = {"8BITMIME"} if any(c > 127 for c in data) else set()
        found.append(generate.Awkward(number, os.path.basename(path), data, needs=needs))
    return found


def as_sent_by_data(data: bytes) -> bytes:
    """DATA cannot carry a message whose last line does not end."""
    return data if not data or data.endswith(b"\r\n") else data + b"\r\n"


FIELD = re.compile(rb"([!-9;-~]{1,997})[ \t]*:")
DROPPED = {b"bcc", b"resent-bcc", b"return-path", b"content-length"}


def as_taken(data: bytes) -> bytes:
    """What the server keeps of a message that comes by SMTP, as docs/protocols/intake.md has it."""
    lines = re.findall(rb"[^\n]*\n|[^\n]+", data)
    kept, keeps = [], None
    for number, line in enumerate(lines):
        field = FIELD.match(line)
        if line in (b"\r\n", b"\n"):
            return b"".join(kept + lines[number:])
        if field:
            keeps = field[1].lower() not in DROPPED
        elif keeps is None and re.match(rb">*From ", line):
            kept.append(b"X-Mailbox-Line: " + line)
        elif keeps is None or line[:1] not in b" \t":
            return b"".join(kept + [b"\r\n"] + lines[number:])
        if keeps:
            kept.append(line)
    return b"".join(kept)


TRACE = re.compile(
    rb"(?P<path>Return-Path: <[^\r\n]*>\r\n)"
    rb"(?P<to>Delivered-To: [^\r\n]*\r\n)?"
    rb"(?P<received>Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)", re.S)


def without_trace(data: bytes) -> bytes:
    """What is behind exactly one Return-Path, at most one Delivered-To and exactly one Received, which must come first."""
    m = TRACE.match(data)
    assert m, "no trace lines in front: %r" % data[:300]
    return data[m.end() :]


def difference(a: bytes, b: bytes) -> str:
    """Where two messages first differ, for the eye."""
    n = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return "%d and %d octets, first different at %d: %r / %r" % (len(a), len(b), n, a[max(0, n - 40) : n + 40], b[max(0, n - 40) : n + 40])
