"""What the benchmarks beside other servers share: what processes have used, the program that makes their load, free ports."""
import collections
import glob
import os
import random
import re
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TICK = os.sysconf("SC_CLK_TCK")


def load():
    """The program of outgoing.c, compiled where it is older than its source."""
    source, built = os.path.join(ROOT, "Benchmarks", "outgoing.c"), os.path.join(ROOT, ".build", "outgoing")
    program = os.path.join(built, "load")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        os.makedirs(built, exist_ok=True)
        subprocess.run(["cc", "-O2", "-g", "-std=c11", "-Wall", "-Wextra", "-Werror", "-o", program, source, "-lpthread"], check=True)
    return program


def free_port(hosts):
    while True:
        port = random.randint(10_000, 31_000)
        held = []
        try:
            for host in hosts:
                held.append(socket.socket())
                held[-1].bind((host, port))
            return port
        except OSError:
            pass
        finally:
            for s in held:
                s.close()


def until(look, what, timeout=600, step=0.02):
    deadline = time.monotonic() + timeout
    while not (found := look()):
        if time.monotonic() > deadline:
            raise SystemExit("in vain for %d s: %s" % (timeout, what))
        time.sleep(step)
    return found


def tree(*roots):
    """The live processes below `roots`, themselves too: [(pid, seconds of CPU with those of its children that have ended)]."""
    children, spent = collections.defaultdict(list), {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as f:
                text = f.read()
        except OSError:
            continue
        fields = text[text.rindex(")") + 2:].split()
        pid = int(path.split("/")[2])
        children[int(fields[1])].append(pid)
        spent[pid] = sum(map(int, fields[11:15])) / TICK
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in spent:
            found.append((pid, spent[pid]))
        waiting += children[pid]
    return found


def memory(pid, key):
    """In MiB; 0 where it has ended."""
    try:
        with open("/proc/%d/%s" % (pid, "smaps_rollup" if key == "Pss" else "status")) as f:
            return int(re.search(r"^%s:\s+(\d+)" % key, f.read(), re.M)[1]) / 1024
    except (OSError, TypeError):
        return 0


def cpu(*roots):
    return sum(seconds for _, seconds in tree(*roots))


def quiet_cpu(*roots):
    """Once they have nothing to do any more."""
    last = cpu(*roots)
    for _ in range(40):
        time.sleep(0.5)
        found = cpu(*roots)
        if found - last < 0.015:
            return found
        last = found
    return last
