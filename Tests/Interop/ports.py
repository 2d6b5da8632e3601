"""Ports for what tests start, below those that outgoing connections take. One place hands them all out: what configures two servers before it starts the
first must not be given one port twice, nor must two runs beside each other.

A port that was handed out is reserved by a socket of that name in the abstract namespace, which the whole network (namespace) shares: until this process
ends, or has been given so many more that whoever asked has long begun to listen.
"""
import collections
import random
import socket

FIRST, LAST = 10000, 32000
REMEMBERED = 400

_reserved = collections.deque()


def free(shape, host="127.0.0.1", last=LAST):
    """A number that can be added to each of `shape` to make ports that are free at `host`, for TCP and for UDP; they are reserved."""
    for _ in range(1000):
        offset = random.randint(FIRST, last)
        reserved = [_reserve(offset + port, host) for port in shape]
        if all(reserved):
            _reserved.extend(reserved)
            while len(_reserved) > REMEMBERED:
                _reserved.popleft().close()
            return offset
        for r in filter(None, reserved):
            r.close()
    raise RuntimeError("no free ports")


def free_ports(count):
    """So many free ports that differ."""
    return [free([0]) for _ in range(count)]


def _reserve(port, host):
    """What reserves this port; None where it is another's or listened at."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind("\0martlet-tests-port-%d" % port)
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            # Connections that have ended do not take it.
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind((host, port))
            udp.bind((host, port))
        return name
    except OSError:
        name.close()
        return None
