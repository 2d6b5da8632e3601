"""Starts a program as a service manager does that opened its sockets: activate.py WHERE... -- PROGRAM... (sd_listen_fds(3)).

WHERE is ADDRESS:PORT (`[::1]:25`), a path of a UNIX socket, `datagram:` or `connected:` for what no server should be given, or `pid:` for another process's.
"""
import os
import socket
import sys


def opened(where):
    if where == "datagram:":
        return [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
    if where == "connected:":
        return list(socket.socketpair())[:1]
    if where.startswith("/"):
        made = socket.socket(socket.AF_UNIX)
        made.bind(where)
    else:
        host, port = where.rsplit(":", 1)
        made = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host.strip("[]"), int(port)))
    made.listen()
    return [made]


def main():
    end = sys.argv.index("--")
    wanted, program = sys.argv[1:end], sys.argv[end + 1:]
    sockets = [s for where in wanted if where != "pid:" for s in opened(where)]
    # Out of the way first, so that none is overwritten.
    high = [os.dup2(s.detach(), 200 + number) for number, s in enumerate(sockets)]
    for number, file in enumerate(high):
        os.dup2(file, 3 + number, inheritable=True)
        os.close(file)
    os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_PID=str(os.getppid() if "pid:" in wanted else os.getpid()),
                      LISTEN_FDNAMES=":".join("name%d" % n for n in range(len(high))))
    os.execvp(program[0], program)


main()
