import signal

import pytest


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_interrupts():
    """Have Python's own handler: what is started in the background of a script ignores Ctrl-C, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
