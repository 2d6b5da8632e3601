"""Compaction under load."""
import time

import control
from load import Worker
from oracle import Violation


class Compactor(Worker):
    """Has the store compacted again and again."""

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
        found = control.ask(self.server, {"compactStore": {"all": True}})
        if "report" not in found:
            raise Violation("compaction: %s" % found)
        return next(c["value"] for c in found["report"]["_0"]["counts"] if c["name"] == "bodies moved")
