"""What goes from one process to another: errors that can, and what others say. The rest of a worker: test_workers.py, with its parent."""

import pickle

from lmc_sweeps.common.worker_process import OUTSIDE, OfWorker, numbers_of, portable


class NeedsTwo(Exception):
    """An error that cannot be unpickled."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def test_an_error_is_itself_where_it_can_be_sent_and_else_what_it_says():
    assert portable(error := ValueError("x")) is error
    sent = portable(NeedsTwo(1, 2))
    assert type(sent) is OfWorker
    assert str(pickle.loads(pickle.dumps(sent))) == "NeedsTwo: 1 and 2"


def test_signals_are_those_that_this_system_has():
    assert len(numbers_of(*OUTSIDE, "SIGNOTHING")) == len(numbers_of(*OUTSIDE)) <= len(OUTSIDE)
