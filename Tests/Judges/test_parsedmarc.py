"""parsedmarc, which many domain owners read their reports with, reads ours. It needs another IMAPClient than the rest, and has a folder of its own."""
import json
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
REPORTS = os.path.join(HERE, "..", "Reports")
VERSION = "11.1.0"
READER = """
import json, parsedmarc, sys
with open(sys.argv[1], "rb") as f:
    found = parsedmarc.parse_report_email(f.read(), offline=True)
json.dump(found, sys.stdout, default=str)
"""


@pytest.fixture(scope="session")
def python():
    named = os.environ.get("MARTLET_PARSEDMARC")
    if named:
        return named
    venv = os.path.join(os.environ["MARTLET_JUDGES_VENV"], "parsedmarc-" + VERSION)
    if not os.path.exists(os.path.join(venv, "done")):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([os.path.join(venv, "bin", "pip"), "install", "-q", "--disable-pip-version-check", "parsedmarc==" + VERSION], check=True)
        open(os.path.join(venv, "done"), "w").close()
    return os.path.join(venv, "bin", "python")


def parsed(python, name):
    done = subprocess.run([python, "-c", READER, os.path.join(REPORTS, name)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_reads_our_report_on_mail(python):
    found = parsed(python, "ours.eml")
    assert found["report_type"] == "aggregate"
    report = found["report"]
    assert report["report_metadata"]["org_name"] == "example.test" and report["report_metadata"]["errors"] == []
    assert report["policy_published"]["domain"] == "a.example" and report["policy_published"]["p"] == "reject"
    counts = {(r["source"]["ip_address"], r["count"], r["policy_evaluated"]["disposition"], r["alignment"]["dmarc"]) for r in report["records"]}
    assert counts == {("192.0.2.1", 3, "pass", True), ("2001:db8::1", 1, "reject", False), ("192.0.2.1", 1, "none", False)}


def test_it_reads_our_report_on_tls(python):
    found = parsed(python, "ours-tls.eml")
    assert found["report_type"] == "smtp_tls"
    policy, = found["report"]["policies"]
    assert policy["policy_domain"] == "a.example" and policy["successful_session_count"] == 2 and policy["failed_session_count"] == 1
    assert policy["failure_details"][0]["result_type"] == "certificate-expired"
