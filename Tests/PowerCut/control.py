"""The server's own socket: a command would open the folder itself once the server is dead."""
import json
import os
import socket

from oracle import Violation
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


def is_open(server):
    """It opens behind the ports; a dead server leaves its file behind."""
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(os.path.join(server.data, "control.sock")) == 0


def is_closing(answer):
    """It can do nothing now (EX_TEMPFAIL)."""
    return "refused" in answer and answer["refused"]["_0"]["code"] == 75


def queue(server, **selection):
    """All lines of the outgoing queue, page after page. An entry that is in it all the while is among them."""
    after = None
    while True:
        answer = ask(server, {"listQueue": {"selection": selection, **({"after": after} if after else {})}})
        if is_closing(answer):
            raise Closed("it stops")
        if "queue" not in answer:
            raise Violation("the queue is not listed: %s" % answer)
        page = answer["queue"]["page"]
        yield from page["lines"]
        after = page.get("next")
        if not after:
            return
