"""What all tests share: a handler of Ctrl-C, and tests that need a program, or a package, which not every machine has."""

import importlib.util
import os
import shutil
import signal

import pytest

# A process per core, so a thread each: before torch is imported, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")


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
            if shutil.which(name) is None and not _is_package(name):
                absent(name)


def _is_package(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it would be in
        return False


def absent(name: str) -> None:
    """Skip a test because something is not on this machine; fail it where ``LMC_SWEEPS_TOOLS`` says that it must be, as in CI."""
    if name in os.environ.get("LMC_SWEEPS_TOOLS", "").split():
        pytest.fail(f"needs {name}, which LMC_SWEEPS_TOOLS says is installed, and it is not there")
    pytest.skip(f"needs {name}")
