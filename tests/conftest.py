"""What all tests share: a thread each, a handler of Ctrl-C, and tests that need a program, or a package, which not every machine has."""

import os
import signal

import pytest
from programs import skip_without, usable

# A process per core, so a thread each: before torch is imported, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("LMC_SWEEPS_WORKERS", "1")  # tests of several say so


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_interrupts():
    """Have Python's own handler: what is started in the background of a script ignores Ctrl-C, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, by name, a test marked ``needs("NAME", ...)`` where a program or a Python package of that name is absent."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            if not usable(name):
                skip_without(name)
