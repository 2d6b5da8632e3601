"""A short run of powercut.py: `make powercut` is the long one."""
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.mark.parametrize("kind", ["cut", "kill", "term", "stop", "unsynced"])
def test_powercut(kind):
    count = os.environ.get("POWERCUT_ROUNDS", "1" if kind in ("term", "stop") else "3")
    r = subprocess.run([sys.executable, os.path.join(HERE, "powercut.py"), "--rounds", count, "--kills", count, "--only", kind],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    print(r.stdout)
    assert r.returncode == 0, r.stdout[-4000:]
