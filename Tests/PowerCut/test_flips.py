"""A short run of flips.py: `make powercut` is the long one."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def test_flipped_octets_cost_no_more_than_what_they_hit():
    seed = os.environ.get("MARTLET_FLIP_SEED", "3")  # `make powercut` draws another each time
    r = subprocess.run([sys.executable, os.path.join(HERE, "flips.py"), "--seed", seed], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3_600)
    print(r.stdout)
    assert r.returncode == 0, r.stdout[:1_000] + "\n...\n" + r.stdout[-4_000:]
