"""Runs a program under what a unit of systemd restricts, as far as that can be had without systemd: confine.py UNIT USER PROGRAM... (by root)

As that user in place of the unit's, with its one capability, its limits, its umask, its families of sockets and its filter of system calls (libseccomp) and no memory that is both written and executed.
Mounts are the caller's (unshare).
"""
import ctypes
import os
import pwd
import re
import resource
import socket
import subprocess
import sys

ERRNO_EPERM = 0x00050000 | 1
ALLOW = 0x7FFF0000
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 8, 24, 38, 47, 2, 65, 1
CAP_NET_BIND_SERVICE = 10
EQUAL = 4


class Comparison(ctypes.Structure):
    """scmp_arg_cmp of libseccomp."""
    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int), ("datum", ctypes.c_uint64), ("other", ctypes.c_uint64)]


def settings(unit):
    """[(key, value)] in order."""
    with open(unit) as f:
        return [tuple(line.strip().split("=", 1)) for line in f if "=" in line and not line.startswith("#")]


def members(group):
    """The system calls of a group, of the groups in it too."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True).stdout
    names = re.findall(r"^ +([@a-z0-9_-]+)$", text, re.M)
    assert names, group
    return set().union(*(members(n) if n.startswith("@") else {n} for n in names))


def allowed(lines):
    """As systemd.exec(5) has it: the first list allows, later ones add or (~) take away."""
    found = members("@default")
    for line in lines:
        words = line.lstrip("~").split()
        calls = set().union(*(members(w) if w.startswith("@") else {w} for w in words))
        found = found - calls if line.startswith("~") else found | calls
    return found


def become(libc, user, capability):
    """That user, who may do one thing more than others."""
    for other in range(64):
        if other != capability:
            libc.prctl(PR_CAPBSET_DROP, other, 0, 0, 0)
    assert libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0
    os.setgroups([])
    os.setresgid(*[user.pw_gid] * 3)
    os.setresuid(*[user.pw_uid] * 3)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    one = 1 << capability
    assert libc.capset(header, (ctypes.c_uint32 * 6)(one, one, one, 0, 0, 0)) == 0
    assert libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0


def main():
    unit, user, program = sys.argv[1], pwd.getpwnam(sys.argv[2]), sys.argv[3:]
    facts = settings(unit)
    one = dict(facts)
    calls = allowed([value for key, value in facts if key == "SystemCallFilter"])
    resource.setrlimit(resource.RLIMIT_CORE, (int(one["LimitCORE"]),) * 2)
    files = min(int(one["LimitNOFILE"]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.umask(int(one["UMask"], 8))
    libc, seccomp = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libseccomp.so.2", use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    become(libc, user, capability=CAP_NET_BIND_SERVICE)
    assert one["AmbientCapabilities"] == one["CapabilityBoundingSet"] == "CAP_NET_BIND_SERVICE"
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    # Linux 6.3 has it.
    libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
    filter = ctypes.c_void_p(seccomp.seccomp_init(ERRNO_EPERM))
    for name in sorted(calls - {"socket"}):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            assert seccomp.seccomp_rule_add(filter, ALLOW, number, 0) == 0, name
    for family in one["RestrictAddressFamilies"].split():
        only = Comparison(0, EQUAL, getattr(socket, family), 0)
        number = seccomp.seccomp_syscall_resolve_name(b"socket")
        assert seccomp.seccomp_rule_add_array(filter, ALLOW, number, 1, ctypes.byref(only)) == 0, family
    assert seccomp.seccomp_load(filter) == 0
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
