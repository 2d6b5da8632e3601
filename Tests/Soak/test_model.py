"""The soak test's model finds what it is there to find."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from model import Box, Message, Violation  # noqa: E402

STATUS = {"MESSAGES": 1, "UNSEEN": 1, "DELETED": 0, "SIZE": 10, "UIDNEXT": 3, "UIDVALIDITY": 7, "HIGHESTMODSEQ": 9}


def box():
    b = Box("a/INBOX")
    b.placed(2, Message("one", "d", {0: True}))
    return b


def row(name="one", flags=("$k0",), modseq=9):
    return {2: (name, 10, frozenset(flags), modseq)}


def test_what_is_as_it_should_be_passes():
    box().verify(row(), STATUS)


@pytest.mark.parametrize("rows, status", [
    ({}, {"MESSAGES": 0, "UNSEEN": 0, "SIZE": 0}),  # lost
    (row(name="two"), {}),  # another message under the UID
    (row(flags=()), {}),  # a flag that was answered is gone
    ({**row(), 1: ("ghost", 5, frozenset(), 8)}, {"MESSAGES": 2, "UNSEEN": 2, "SIZE": 15}),  # nobody put it there
    (row(), {"UNSEEN": 0}), (row(), {"SIZE": 11}), (row(), {"UIDNEXT": 2}), (row(), {"HIGHESTMODSEQ": 8}),  # counters
])
def test_a_wrong_state_is_found(rows, status):
    with pytest.raises(Violation):
        box().verify(rows, {**STATUS, **status})


def test_other_flags_under_the_same_modseq_are_found():
    b = box()
    b.saw(2, 5, frozenset(["\\Seen"]))
    with pytest.raises(Violation):
        b.saw(2, 5, frozenset())


def test_a_message_that_comes_back_is_found():
    b = box()
    b.saw_gone(2)
    with pytest.raises(Violation):
        b.verify(row(), STATUS)


def test_what_a_cut_connection_sent_may_come_late_but_not_after_the_pause():
    b = box()
    m = b.messages[2]
    m.cut(0)
    m.set_mark(0, False)
    b.check_mark(2, 0, ["$k0"])
    b.check_mark(2, 0, [])
    b.verify(row(), STATUS)
    with pytest.raises(Violation):
        b.check_mark(2, 0, [])
