"""Private instances of Postfix and Dovecot: own configuration, own folders, free ports of loopback. Nothing of /etc is read or written."""
import functools
import os
import shutil
import socket
import subprocess
import tempfile

import pytest
import server as serving
from ports import free_ports


def why_not(*programs):
    """What keeps a test from running such programs; None: nothing."""
    missing = [p for p in programs if shutil.which(p) is None]
    if missing:
        return "%s: not installed" % ", ".join(missing)
    # They change their users.
    return None if os.geteuid() == 0 else "%s must be started by root" % ", ".join(programs)


def needs(*programs):
    reason = why_not(*programs)
    return pytest.mark.skipif(reason is not None, reason=str(reason))


def answers(port, address="127.0.0.1"):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


@functools.cache
def certificate():
    """Paths of a certificate that nobody has vouched for, and of its key."""
    import atexit
    folder = tempfile.mkdtemp(prefix="peers-tls-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    paths = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                    "/CN=relay.example", "-out", paths[0], "-keyout", paths[1]], check=True, stderr=subprocess.DEVNULL)
    return paths


class Postfix:
    """A Postfix that relays by its table of transports, and has no mailboxes.

    `services` are its ports: {name: options of that smtpd}. `transports`: {domain: port of this machine}; what is in none is returned.
    `places`: {name: (address, port)} of those services that are not at a free port of loopback.
    """

    NAME = "relay.example"
    #: Programs of its own that a relay needs, as Debian's master.cf has them, but without chroot.
    MASTER = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

    def __init__(self, services, transports, settings=None, places=None):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="postfix-"))
        os.chmod(self.top, 0o755)
        self.etc, self.spool, self.data, self.log = (os.path.join(self.top, n) for n in ("etc", "spool", "data", "log"))
        for folder in (self.etc, self.spool, self.data):
            os.mkdir(folder)
        shutil.chown(self.data, "postfix")
        self.ports = dict(zip(services, free_ports(len(services))))
        self.places = {**{name: ("127.0.0.1", port) for name, port in self.ports.items()}, **(places or {})}
        cert, key = certificate()
        main = {
            "compatibility_level": "3.6", "queue_directory": self.spool, "data_directory": self.data, "command_directory": "/usr/sbin",
            "daemon_directory": postconf("daemon_directory"), "mail_owner": "postfix", "setgid_group": "postdrop",
            "maillog_file": self.log, "maillog_file_prefixes": self.top,
            "myhostname": self.NAME, "mydomain": self.NAME, "myorigin": self.NAME, "mydestination": "", "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "alias_maps": "", "alias_database": "", "local_recipient_maps": "",
            "local_transport": "error:5.1.1 no mailboxes here", "default_transport": "error:5.1.2 no such domain here",
            "transport_maps": "inline:{ %s }" % ", ".join("{ %s = relay:[127.0.0.1]:%d }" % (d, p) for d, p in transports.items()),
            "smtp_dns_support_level": "disabled", "smtp_host_lookup": "native", "disable_dns_lookups": "yes",
            "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated, reject",
            # As for mail from afar: no header is touched.
            "local_header_rewrite_clients": "", "smtputf8_enable": "yes", "message_size_limit": "52428800",
            "smtpd_tls_cert_file": cert, "smtpd_tls_key_file": key, "smtpd_tls_security_level": "may", "smtp_tls_security_level": "may",
            "smtpd_tls_received_header": "yes", "smtp_tls_loglevel": "1", "smtpd_tls_loglevel": "1",
            "queue_run_delay": "1s", "minimal_backoff_time": "1s", "maximal_backoff_time": "1s", "transport_retry_time": "1s",
            "smtpd_client_connection_count_limit": "0", "smtpd_error_sleep_time": "0", "in_flow_delay": "0", "biff": "no", "notify_classes": "", "service_throttle_time": "1s",
            **(settings or {})}
        with open(os.path.join(self.etc, "main.cf"), "w") as f:
            f.writelines("%s = %s\n" % line for line in main.items())
        with open(os.path.join(self.etc, "master.cf"), "w") as f:
            for name, options in services.items():
                f.write("%s:%d inet n - n - - smtpd\n  -o syslog_name=postfix/%s\n" % (*self.places[name], name))
                f.writelines("  -o { %s = %s }\n" % option for option in options.items())
            f.write(self.MASTER.lstrip())

    def start(self):
        r = self._postfix("start")
        assert r.returncode == 0 and all(serving.until(lambda: answers(p, a), 30) for a, p in self.places.values()), r.stdout + self.log_text()[-3000:]
        return self

    def stop(self):
        self._postfix("stop")
        # Those of its children that were asked to end last hold the ports for a moment more.
        assert serving.until(lambda: not any(answers(p, a) for a, p in self.places.values()), 30), "Postfix does not stop"

    def is_running(self):
        return self._postfix("status").returncode == 0

    def _postfix(self, word):
        return subprocess.run(["postfix", "-c", self.etc, word], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60)

    def queued(self):
        """How many messages it holds."""
        queues = [os.path.join(self.spool, name) for name in ("incoming", "active", "deferred", "hold")]
        return sum(len(files) for queue in queues for _, _, files in os.walk(queue))

    def log_text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, errors="replace") as f:
            return f.read()

    def remove(self):
        if self.is_running():
            self.stop()
        shutil.rmtree(self.top, ignore_errors=True)


def postconf(name):
    """What the installed Postfix has for it, without any configuration."""
    return subprocess.run(["postconf", "-d", "-h", name], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Dovecot:
    """A Dovecot with LMTP, and the logins of a Postfix. `users`: {address: octets of mail, or None}; their password is `password`."""

    password = "correct horse dove 42"

    def __init__(self, users, lmtp=True):
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="dovecot-"))
        os.chmod(self.top, 0o755)
        self.mail, self.logins, self.log = (os.path.join(self.top, n) for n in ("mail", "run/logins", "log"))
        os.mkdir(self.mail)
        shutil.chown(self.mail, "mail", "mail")
        self.port, = free_ports(1)
        self.process = None
        with open(os.path.join(self.top, "users"), "w") as f:
            for address, quota in users.items():
                rule = "userdb_quota_rule=*:bytes=%d" % quota if quota is not None else ""
                f.write("%s:{PLAIN}%s::::::%s\n" % (address, self.password, rule))
        self.configuration = os.path.join(self.top, "dovecot.conf")
        with open(self.configuration, "w") as f:
            f.write("""
base_dir = {top}/run
state_dir = {top}/state
log_path = {log}
instance_name = {top}
protocols = {protocols}
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:~/Maildir
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
mail_plugins = quota
plugin {{
  quota = maildir:User quota
}}
passdb {{
  driver = passwd-file
  args = {top}/users
}}
userdb {{
  driver = passwd-file
  args = {top}/users
  default_fields = uid=mail gid=mail home={mail}/%u
}}
service lmtp {{
  inet_listener lmtp {{
    port = {port}
  }}
}}
service auth {{
  unix_listener logins {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
""".format(top=self.top, log=self.log, mail=self.mail, port=self.port, protocols="lmtp" if lmtp else ""))

    def start(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.configuration], stdin=subprocess.DEVNULL)
        ready = serving.until(lambda: answers(self.port) and os.path.exists(self.logins) or self.process.poll() is not None, 30)
        assert ready and self.process.poll() is None, self.log_text()[-3000:]
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def messages(self, address):
        """The files of their INBOX."""
        found = []
        for folder in ("new", "cur"):
            path = os.path.join(self.mail, address, "Maildir", folder)
            for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
                with open(os.path.join(path, name), "rb") as f:
                    found.append(f.read())
        return found

    def log_text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, errors="replace") as f:
            return f.read()

    def remove(self):
        self.stop()
        shutil.rmtree(self.top, ignore_errors=True)
