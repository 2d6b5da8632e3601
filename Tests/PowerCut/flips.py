#!/usr/bin/env python3
"""Flips octets in the files of a data folder, and checks that nothing wrong is served, nothing is silently missing, and nobody else suffers.

    flips.py [--flips 200] [--seed N] [--workers 2] [--only NUMBER] [--keep]

A folder is made once, and kept as it is when stopped in good order and as it is when killed with a WAL and a ledger. Each flip takes a copy of one,
changes 1 to 8 octets of one file (index.db, its WAL, search.db, a segment, a large body), starts the server and reads everything over IMAP.

- The program never crashes. It starts, unless what was hit is what nothing can be found without; then it ends with 65, and says what is damaged.
- What is served is what was stored. What is not served is refused: no answer is short of a message, and no connection is dropped.
- What was not on the damaged page, or not in the damaged record, is served (damage.py says what lies where).
- `store check` names damage (65) whenever something was not served, or a page of the index or a record in use was hit; on an unharmed folder it
  names none.
- After `store recover --apply` every body whose record is whole is there again.

Exit status 0 when all of that held. MARTLET_BIN names the program.
"""
import argparse
import collections
import os
import random
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "Interop"), os.path.join(HERE, "..", "Folders")]

from flipfolder import SETTINGS, flip, make  # noqa: E402
from logins import NAMES  # noqa: E402
from reading import Wrong, check, read_account, read_all  # noqa: E402
from server import Server, StartFailed  # noqa: E402


class Trial:
    """One flip on a copy of a folder."""

    def __init__(self, number, seed, variants, passwords):
        self.number, self.chance = number, random.Random("%s-%d" % (seed, number))
        self.variant = self.chance.choice(variants)
        self.truth = self.variant.truth
        self.server = Server(settings=SETTINGS)
        self.server.passwords = passwords
        shutil.copytree(self.variant.folder, self.server.data)
        shutil.copy(os.path.join(os.path.dirname(self.variant.folder), "key"), self.server.key)
        self.kind, self.what, self.cost = flip(self.variant, self.server.data, self.chance)
        self.outcome = "as before"
        self.logins = 0
        self.unserved = self.bodies = self.back = 0

    def play(self):
        try:
            self.start_and_judge()
        finally:
            self.server.kill()

    def start_and_judge(self):
        try:
            self.server.start()
        except StartFailed:
            self.judge_refusal()
            return self.recover_if_there_is()
        try:
            seen = read_all(self.server, self.truth)
        except Wrong as e:
            self.judge_life()
            raise e
        self.judge_life()
        problems = check(self.server)
        if self.server.stop() != 0:
            raise Wrong("it ended with %s upon SIGTERM" % self.server.process.returncode)
        differs = self.judge(seen)
        # Damage to the last transaction looks like a power cut that interrupted it, which is no problem and is told all the same.
        is_torn = self.cost.tail and "last transaction in the WAL is not whole" in self.server.log_text()
        if differs and not problems and not is_torn:
            raise Wrong("`store check` finds nothing, though %s" % differs)
        if self.cost.is_certain and not problems:
            raise Wrong("`store check` finds nothing, though what was hit is in use")
        if differs:
            self.outcome = "damage shown"
            self.recover_if_there_is()
        elif problems:
            self.outcome = "damage named"

    def judge_life(self):
        if not self.server.alive() or re.search("Fatal error|Illegal instruction|Crash:", self.server.log_text()):
            raise Wrong("it crashed: %s\n%s" % (self.server.process.poll(), self.server.log_text()[-1500:]))

    def judge_refusal(self):
        code, log = self.server.process.returncode, self.server.log_text()
        if code != 65:
            raise Wrong("the start ends with %d:\n%s" % (code, log[-1500:]))
        if not re.search("damaged|corrupt|not what was stored", log, re.I) or not re.search("store (recover|check)|backup", log):
            raise Wrong("the start is refused without a word of what is damaged and what to do:\n%s" % log[-1500:])
        if not self.cost.all:
            raise Wrong("the start is refused for damage that not everything rests on:\n%s" % log[-1500:])
        if not check(self.server):
            raise Wrong("`store check` finds nothing, though the start is refused")
        self.outcome = "start refused"

    def judge(self, seen):
        """A sentence when not everything was served as it was stored."""
        differs = None
        for name in NAMES:
            address = self.server.address(name)
            if seen[name] is None:
                # Told to try later, and said in the log; never that the password is wrong.
                is_held = self.cost.logins and re.search(r"Authentication error: .*corrupt", self.server.log_text())
                if not self.cost.all and address not in self.cost.accounts and not is_held:
                    raise Wrong("%s cannot log in" % name)
                differs = "%s cannot log in" % name
                continue
            self.logins += 1
            for mailbox, truth in self.truth[name].items():
                found = self.judge_mailbox(name, mailbox, truth, seen[name].get(mailbox))
                differs = found or differs
        return differs

    def judge_mailbox(self, name, mailbox, truth, seen):
        where = "%s/%s" % (name, mailbox)
        address = self.server.address(name)
        id = self.variant.places.mailboxes[address, truth.facts["UIDVALIDITY"]]
        may_be_gone = self.cost.all or address in self.cost.accounts or id in self.cost.mailboxes
        if seen is None or seen.facts is None:
            if not may_be_gone:
                raise Wrong("%s is not served" % where)
            self.unserved += len(truth.messages)
            return where + " is not served"
        if self.cost.tail:
            return self.judge_tail(where, truth, seen)
        for fact in ("EXISTS", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"):
            if seen.facts.get(fact) != truth.facts.get(fact):
                raise Wrong("%s: %s is %s, was %s" % (where, fact, seen.facts.get(fact), truth.facts.get(fact)))
        for uid, is_now in seen.messages.items():
            if is_now != truth.messages.get(uid):
                raise Wrong("%s: UID %d is %s, was %s" % (where, uid, is_now, truth.messages.get(uid)))
        gone = set(truth.messages) - set(seen.messages)
        for uid in gone:
            if not may_be_gone and truth.messages[uid][4] not in self.cost.bodies:
                raise Wrong("%s: UID %d is not served" % (where, uid))
        self.unserved += len(gone)
        if seen.found is not None and (seen.found ^ truth.found) - gone:
            raise Wrong("%s: SEARCH found %s, was %s" % (where, sorted(seen.found), sorted(truth.found)))
        return "%s: %d messages are not served" % (where, len(gone)) if gone else None

    def judge_tail(self, where, truth, seen):
        """After a damaged WAL: what came since the last stop may be missing, and flags may be those of then; all else is as it was."""
        before = {m[5]: m for m in next(t for n, t in self.before() if n == where).messages.values()}
        after = {m[5]: m for m in truth.messages.values()}
        for uid, m in seen.messages.items():
            known = after.get(m[5]) or before.get(m[5])
            if known is None or (m[2], m[3]) != (known[2], known[3]):
                raise Wrong("%s: UID %d is %s, which nobody stored" % (where, uid, m))
        there = {m[5] for m in seen.messages.values()}
        lost = {sha for sha in before if sha in after and sha not in there}
        if lost:
            raise Wrong("%s: %d messages that no WAL held are not served" % (where, len(lost)))
        late = set(after) - there
        self.unserved += len(late)
        same = seen.messages == truth.messages
        return None if same else "%s: %d messages are missing or have other flags" % (where, len(late) or len(truth.messages))

    def before(self):
        for name in NAMES:
            for mailbox, seen in self.stopped[name].items():
                yield "%s/%s" % (name, mailbox), seen

    # -- recovery -------------------------------------------------------------------------------------------------------

    recovers = False
    stopped = None

    def recover_if_there_is(self):
        if not self.recovers:
            return
        r = self.server.cli("store", "recover", "--apply", check=False)
        if r.returncode not in (0, 65):
            raise Wrong("`store recover` ends with %d: %s" % (r.returncode, (r.stdout + r.stderr)[-1500:]))
        try:
            self.server.start()
        except StartFailed as e:
            raise Wrong("after `store recover` the start fails: %s" % e) from e
        with_extra = {name: read_account(self.server, name) for name in NAMES}
        self.judge_life()
        for name in NAMES:
            if with_extra[name] is None:
                raise Wrong("after `store recover` %s cannot log in" % name)
            there = {m[5] for seen in with_extra[name].values() for m in seen.messages.values()}
            whole = {m[5] for seen in self.truth[name].values() for m in seen.messages.values() if m[4] not in self.cost.records}
            self.bodies += len(whole)
            self.back += len(whole & there)
            if whole - there:
                raise Wrong("after `store recover` %s lacks %d bodies whose records are whole" % (name, len(whole - there)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--flips", type=int, default=int(os.environ.get("MARTLET_FLIPS", 200)))
    p.add_argument("--seed", default=os.environ.get("MARTLET_FLIP_SEED") or str(random.SystemRandom().randrange(10**6)))
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--only", type=int, help="that flip alone")
    p.add_argument("--keep", action="store_true", help="the folders of flips that went wrong")
    o = p.parse_args()
    print("seed %s" % o.seed, flush=True)
    top = tempfile.mkdtemp(prefix="flips-")
    try:
        variants, passwords = make(top)
        Trial.stopped = variants[0].truth
        with Server(settings=SETTINGS) as any_server:
            Trial.recovers = re.search(r"^\s+recover\b", any_server.cli("store", "--help").stdout, re.M) is not None
        numbers = [o.only] if o.only is not None else range(o.flips)
        sys.exit(run(numbers, o, variants, passwords))
    finally:
        shutil.rmtree(top)


def run(numbers, o, variants, passwords):
    outcomes, logins, wrong = collections.Counter(), collections.Counter(), []
    unserved = bodies = back = 0

    def play(number):
        trial = Trial(number, o.seed, variants, passwords)
        try:
            trial.play()
            return trial, None
        except Exception as e:  # whatever else is raised is an unlawful answer
            return trial, e

    with ThreadPoolExecutor(o.workers) as pool:
        for trial, failure in pool.map(play, numbers):
            if failure:
                trial.outcome = "WRONG"
                wrong.append(trial.number)
                print("flip %d (%s): %s: %s%s" % (trial.number, trial.what, type(failure).__name__, str(failure)[:2500],
                                                  "\n  folder: " + trial.server.top if o.keep else ""), flush=True)
            if not (failure and o.keep):
                trial.server.remove()
            outcomes[trial.kind, trial.outcome] += 1
            logins[trial.kind, trial.logins] += trial.outcome not in ("WRONG",)
            unserved, bodies, back = unserved + trial.unserved, bodies + trial.bodies, back + trial.back
    for (kind, outcome), count in sorted(outcomes.items()):
        print("%-14s %-14s %d" % (kind, outcome, count))
    print("accounts that could log in: %s" % ", ".join("%s %d of 3: %d" % (k, n, c) for (k, n), c in sorted(logins.items()) if c))
    print("%d messages were not served; %d of %d bodies whose records are whole are back after `store recover`%s" % (
        unserved, back, bodies, "" if Trial.recovers else " (which this program has not)"))
    if not Trial.recovers:
        print("WRONG: the program has no `store recover`")
    print("FAILED: flips %s of seed %s (--seed %s --only N)" % (wrong, o.seed, o.seed) if wrong else "%d flips: all promises kept" % len(list(numbers)))
    return 1 if wrong or not Trial.recovers else 0


if __name__ == "__main__":
    main()
