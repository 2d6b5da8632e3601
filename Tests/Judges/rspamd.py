"""An rspamd of our own on a free loopback port, which looks at DKIM and ARC alone and asks the name server that it is given."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

CONFIGURATION = """
options {
  filters = "dkim";
  pidfile = "%(top)s/pid";
  cache_file = "%(top)s/cache";
  dynamic_conf = "%(top)s/dynamic";
  history_file = "%(top)s/history";
  stats_file = "%(top)s/stats";
  rrd = "%(top)s/rrd";
  hs_cache_dir = "%(top)s/";
  control_socket = "%(top)s/control mode=0600";
  tempdir = "%(top)s";
  url_tld = "${SHAREDIR}/effective_tld_names.dat";
  task_timeout = 60s;
  max_message = 100M;
  dns { nameserver = ["127.0.0.1:%(dns)d:1"]; timeout = 5s; retransmits = 2; sockets = 4; }
}
logging { type = "file"; filename = "%(top)s/log"; level = "warning"; }
worker "normal" { bind_socket = "127.0.0.1:%(port)d"; count = 1; }
dkim { check_local = true; check_authed = true; trusted_only = false; skip_multi = false; }
arc { check_local = true; check_authed = true; sign_local = false; sign_inbound = false; sign_authenticated = false; use_redis = false; }
modules { path = "${PLUGINSDIR}/arc.lua"; }
lua = "${RULESDIR}/rspamd.lua";
"""


class Rspamd:
    """`judge` gives all that it says of a message: {symbol: [options]}."""

    def __init__(self, dns):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="rspamd-"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        with open(self.top + "/rspamd.conf", "w") as f:
            f.write(CONFIGURATION % {"top": self.top, "dns": dns, "port": self.port})
        # Else it looks for a user of its own.
        user = ["-u", "_rspamd", "-g", "_rspamd"] if os.geteuid() == 0 else []
        if user:
            shutil.chown(self.top, "_rspamd", "_rspamd")
        with open(self.top + "/started", "wb") as log:
            self.process = subprocess.Popen(["rspamd", "-f", *user, "-c", self.top + "/rspamd.conf"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        # It compiles its patterns first.
        deadline = time.monotonic() + 300
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                said = self.said()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise RuntimeError("rspamd does not start:\n" + said) from None
                time.sleep(0.05)

    def said(self):
        text = ""
        for name in ("started", "log"):
            if os.path.exists(self.top + "/" + name):
                with open(self.top + "/" + name, errors="replace") as f:
                    text += f.read()[-3000:]
        return text

    def judge(self, message):
        request = urllib.request.Request("http://127.0.0.1:%d/checkv2" % self.port, data=message, headers={
            "IP": "192.0.2.1", "Helo": "client.example", "From": "somebody@client.example"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return {name: symbol.get("options") or [] for name, symbol in json.load(answer).get("symbols", {}).items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.top, ignore_errors=True)
