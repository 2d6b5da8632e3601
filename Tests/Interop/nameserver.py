"""A name server on a free loopback port, over UDP and TCP, that answers from a table. What is not in it does not exist."""
import socket
import socketserver
import struct
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "TLSA": 52, "CAA": 257}
SERVFAIL, NOTIMP, REFUSED = 2, 4, 5


class NameServer:
    """`records`: {(name, type): [data, ...]} with addresses as text, MX as (preference, host), hosts as text, what is of
    another type as octets. It may change while it runs.
    `silent`: names that are never answered. `failing`: {(name, type): code}, what is answered with an error, `NOTIMP` for instance; with
    "*" for the name, all of that type."""

    def __init__(self, records=None):
        self.records = dict(records or {})
        self.records.setdefault((".", "NS"), ["ns.example"])
        self.silent = set()
        self.failing = {}
        self.asked = []

    def __enter__(self):
        for _ in range(20):
            udp = _UDP(("127.0.0.1", 0), _Datagram)
            try:
                tcp = _TCP(udp.server_address, _Stream)
                break
            except OSError:
                udp.server_close()
        else:
            raise RuntimeError("no free port of both kinds")
        self.port = udp.server_address[1]
        self._servers = [udp, tcp]
        for s in self._servers:
            s.table = self
            threading.Thread(target=s.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        for s in self._servers:
            s.shutdown()
            s.server_close()

    @property
    def settings(self):
        """That make a server ask it for all names, and believe it."""
        return {"dns.servers": ["127.0.0.1@%d" % self.port], "dns.trust-anchor": "none", "dns.open-zones": ["test", "example"]}

    def answer(self, packet):
        """None: silence."""
        try:
            number, flags, questions = struct.unpack(">HHH", packet[:6])
            at, labels = 12, []
            while packet[at]:
                labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii", "replace").lower())
                at += packet[at] + 1
            kind, = struct.unpack(">H", packet[at + 1:at + 3])
            question = packet[12:at + 5]
        except (struct.error, IndexError):
            return None
        name = ".".join(labels) or "."
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        for (n, t), code in self.failing.items():
            if n in ("*", name) and TYPES[t] == kind:
                return struct.pack(">HHHHHH", number, 0x8180 | code, 1, 0, 0, 0) + question
        found = [(t, d) for (n, t), data in self.records.items() if n == name for d in data if TYPES[t] in (kind, 5)]
        exists = any(n == name or n.endswith("." + name) for n, _ in self.records)
        soa = b"\xc0\x0c" + struct.pack(">HHIH", 6, 1, 1, 22) + b"\0\0" + struct.pack(">IIIII", 1, 3600, 600, 86400, 1)
        body = b"".join(self.record(t, d) for t, d in found)
        return (struct.pack(">HHHHHH", number, 0x8580 | (0 if exists else 3), 1, len(found), 0 if found else 1, 0)
                + question + (body or soa))

    @staticmethod
    def record(kind, data):
        if kind == "A":
            octets = socket.inet_pton(socket.AF_INET, data)
        elif kind == "AAAA":
            octets = socket.inet_pton(socket.AF_INET6, data)
        elif kind == "MX":
            octets = struct.pack(">H", data[0]) + _name(data[1])
        elif kind == "TXT":
            octets = b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255].encode() for i in range(0, len(data) or 1, 255))
        elif isinstance(data, bytes):
            octets = data
        else:
            octets = _name(data)
        return b"\xc0\x0c" + struct.pack(">HHIH", TYPES[kind], 1, 300, len(octets)) + octets


def _name(text):
    return b"".join(bytes([len(l)]) + l.encode() for l in text.split(".") if l) + b"\0"


class _UDP(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _TCP(socketserver.ThreadingTCPServer):
    daemon_threads = True


class _Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        packet, sock = self.request
        answer = self.server.table.answer(packet)
        if answer:
            sock.sendto(answer, self.client_address)


class _Stream(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            head = self.request.recv(2, socket.MSG_WAITALL)
            if len(head) < 2:
                return
            packet = self.request.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)
            answer = self.server.table.answer(packet)
            if answer:
                self.request.sendall(struct.pack(">H", len(answer)) + answer)
