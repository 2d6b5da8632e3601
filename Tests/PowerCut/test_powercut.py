"""A short run of powercut.py: `make powercut` is the long one."""
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))


ROUNDS = {"cut": 3, "kill": 3, "term": 1, "stop": 1, "unsynced": 5, "queue-cut": 2, "queue-kill": 2, "queue-term": 1, "queue-unsynced": 5}


@pytest.mark.parametrize("kind", ROUNDS)
def test_powercut(kind):
    count = os.environ.get("POWERCUT_ROUNDS", str(ROUNDS[kind]))
    r = subprocess.run([sys.executable, os.path.join(HERE, "powercut.py"), "--rounds", count, "--kills", count, "--only", kind],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    print(r.stdout)
    assert r.returncode == 0, r.stdout[-4000:]
