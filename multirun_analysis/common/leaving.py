"""The end of a program: at once, without taking apart what the system frees anyway."""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn


def run_and_leave(main: Callable[[], object]) -> NoReturn:
    """Run a command as a program of its own: the process ends with it, and with its exit status.

    What is registered for the end of a program is done, and what was printed is written. Then Python would free every module and object,
    which takes a tenth of a second of PyTorch's, and a second of a large sweep's tables. It still does where an error goes up, or another
    thread is at work.
    """
    try:
        main()
        status = 0
    except SystemExit as end:
        if not isinstance(end.code, int | None) or _others_work():
            raise
        status = end.code or 0
    if not _others_work():
        atexit._run_exitfuncs()
        for stream in filter(None, (sys.stdout, sys.stderr)):  # None is one that was closed before the program began
            stream.flush()
        os._exit(status & 0xFF)
    sys.exit(status)


def _others_work() -> bool:
    """Return whether there are threads that Python would wait for."""
    return any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())
