"""Compaction under load."""
import json
import os
import socket
import time

from load import Worker
from oracle import Violation
from wire import Closed


class Compactor(Worker):
    """Has the store compacted again and again, over the server's own socket: a command would open the folder itself once the server is dead."""

    PAUSE = 0.05  # seconds after an order that found nothing to move

    def __init__(self, server):
        super().__init__()
        self.server, self.asked, self.moved = server, 0, 0

    def work(self):
        while True:
            moved = self.compact()
            self.moved += moved
            if not moved:
                time.sleep(self.PAUSE)

    def compact(self):
        """How many bodies were moved."""
        self.asked += 1
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(60)
            line.connect(os.path.join(self.server.data, "control.sock"))
            line.sendall(b'{"compactStore":{"all":true}}\n')
            answer = b""
            while not answer.endswith(b"\n"):
                more = line.recv(65536)
                if not more:
                    raise Closed("no answer")
                answer += more
        found = json.loads(answer)
        if "report" not in found:
            raise Violation("compaction: %s" % found)
        return next(c["value"] for c in found["report"]["_0"]["counts"] if c["name"] == "bodies moved")
