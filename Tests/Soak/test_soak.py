"""A short run of soak.py: `make soak` is the long one."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def test_soak():
    r = subprocess.run([sys.executable, os.path.join(HERE, "soak.py"), "--seconds", os.environ.get("SOAK_SECONDS", "20"), "--clients", "20",
                        "--accounts", "2", "--pause", "7"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
    print(r.stdout)
    assert r.returncode == 0, r.stdout[-4000:]
