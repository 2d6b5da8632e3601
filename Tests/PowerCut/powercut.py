#!/usr/bin/env python3
"""Cuts the power under load, again and again, and checks that every promise was kept.

    powercut.py [--rounds N] [--kills N] [--seed N] [--senders 16] [--only KIND] [--keep]

cut        the real server under the shim (shim.c): 16 SMTP senders, 4 IMAP writers, a watching client; it is killed at a random operation,
           a random part of what no sync covers is undone (cut.py), it starts again, and all that clients were told must be true (oracle.py)
kill       the same by plain kill -9, nothing undone
term       the same by SIGTERM: it ends with 0 in good order
stop       it is stopped (SIGSTOP) and continued under load, several times; the last time it is killed as it stands
unsynced   the same with all syncs switched off: this must be found out, or the test is worth nothing

queue-cut, queue-kill, queue-term and queue-unsynced do so with the outgoing queue (queuetrial.py): users submit to several recipients here and
elsewhere, have messages wait and cancel them (queueload.py); the servers elsewhere (queuesink.py) take them, refuse them, put them off, or cut the
connection before they answer. No recipient whose message was answered 250 may be lost; who has it twice must have it twice for a reason
(queueoracle.py).

In every second round, and in all of `term` and `stop`, the store is compacted all the time. Exit status 0 when all came out as they should.
MARTLET_BIN names the program.
"""
import argparse
import os
import random
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "Interop")]

import cut  # noqa: E402
from oracle import Violation  # noqa: E402
from queuetrial import QueueTrial  # noqa: E402
from server import StartFailed  # noqa: E402
from trial import Trial  # noqa: E402
from wire import Closed, Refused  # noqa: E402

# And how many rounds of each, unless --rounds (of cuts) or --kills (of the others) says so.
KINDS = {"cut": 20, "kill": 10, "term": 10, "stop": 10, "unsynced": 5, "queue-cut": 100, "queue-kill": 100, "queue-term": 20, "queue-unsynced": 5}


def rounds(kind, count, o, library):
    """Whether `kind` came out as it should."""
    ending = kind.removeprefix("queue-")
    make = QueueTrial if kind.startswith("queue-") else Trial
    trial = make("%s-%s" % (o.seed, kind), o.senders, library if ending in ("cut", "unsynced") else None, synced=ending != "unsynced",
                 ending=ending if ending in ("term", "stop") else "kill")
    number = 0
    try:
        try:
            for number in range(1, count + 1):
                print("%s %d: %s" % (kind, number, trial.play()), flush=True)
            counted = trial.finish()
            if counted:
                print("%s, all rounds: %s" % (kind, counted), flush=True)
        except (Violation, StartFailed, Refused, Closed, OSError, cut.Unseen) as e:
            print("%s %d: %s: %s" % (kind, number, type(e).__name__, str(e)[:2000]), flush=True)
            if ending == "unsynced":
                print("%s: found out, as it should be" % kind)
                return True
            print("seed %s; the folder: %s" % (o.seed, trial.server.top if o.keep else "not kept, use --keep"))
            return False
        return ending != "unsynced"
    finally:
        trial.end(o.keep)


def how_many(kind, o):
    """The first round of cuts proves the shim."""
    if kind.endswith("cut"):
        return (KINDS[kind] if o.rounds is None else o.rounds) + 1
    return KINDS[kind] if o.kills is None or kind.endswith("unsynced") else o.kills


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int)
    p.add_argument("--kills", type=int)
    p.add_argument("--senders", type=int, default=16)
    p.add_argument("--seed", default=os.environ.get("POWERCUT_SEED") or str(random.SystemRandom().randrange(10**6)))
    p.add_argument("--only", choices=KINDS)
    p.add_argument("--keep", action="store_true")
    o = p.parse_args()
    print("seed %s" % o.seed, flush=True)
    scratch = tempfile.mkdtemp(prefix="powercut-")
    try:
        library = cut.build(scratch)
        plan = [(kind, how_many(kind, o)) for kind in KINDS if o.only in (None, kind)]
        failed = [kind for kind, count in plan if count and not rounds(kind, count, o, library)]
    finally:
        shutil.rmtree(scratch)
    print("FAILED: " + ", ".join(failed) if failed else "all promises kept")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
