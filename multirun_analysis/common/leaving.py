"""The end of a program: at once, without taking apart what the system frees anyway."""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from types import FrameType

from multirun_analysis.common.registry import folders_of_parts

OF_A_PROGRAM = 4  # calls, at most, of a function that a program begins with: of ``python -m``, two by Python, the module, and the function


def run_and_leave(main: Callable[[], object]) -> None:
    """Run a command as a program of its own: the process ends with it, and with its exit status.

    What is registered for the end of a program is done, and what was printed is written. Then Python would free every module and object,
    which takes a tenth of a second of PyTorch's, and a second of a large sweep's tables. It still does where somebody else's code may count
    on that: a part of a user's own, a thread at work, an error that goes up; and where another program has called this one, a debugger or a
    notebook, that goes on.
    """
    is_program = _depth() <= OF_A_PROGRAM
    status = 0
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int | None) or not (is_program and _nobody_minds()):
            raise
        status = end.code or 0
    if is_program and _nobody_minds():
        atexit._run_exitfuncs()
        for stream in filter(None, (sys.stdout, sys.stderr)):  # None is one that was closed before the program began
            stream.flush()
        os._exit(status & 0xFF)


def _nobody_minds() -> bool:
    """Return whether there are neither parts of a user's own nor threads that Python would wait for."""
    return not folders_of_parts() and all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate())


def _depth() -> int:
    """Return how many calls there are from the beginning of the program to the function that asks."""
    frame: FrameType | None = sys._getframe(1)
    depth = 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth
