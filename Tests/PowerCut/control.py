"""The server's own socket: a command would open the folder itself once the server is dead."""
import json
import os
import socket

from wire import Closed


def ask(server, order) -> dict:
    """What comes of an order (Sources/martlet/Control/Order.swift), by the name of the result."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(60)
        line.connect(os.path.join(server.data, "control.sock"))
        line.sendall(json.dumps(order).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            more = line.recv(65536)
            if not more:
                raise Closed("no answer")
            answer += more
    return json.loads(answer)
