"""The end of a program: at once, without taking apart what the system frees anyway."""

import atexit
import os
import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

PACKAGES = ("lmc_sweeps", "multirun_analysis")  # ours
SCRIPTS = "lmc-sweeps"  # how the names begin of the programs that are installed
OF_A_PROGRAM = 4  # calls, at most, of a function that a program begins with: of ``python -m``, two by Python, the module, and the function
INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))  # in the paths of libraries


def run_and_leave(main: Callable[[], object]) -> None:
    """Run a command as a program of its own: the process ends with it, and with its exit status.

    What is registered for the end of a program is done, and what was printed is written. Then Python would free every module and object,
    which takes a tenth of a second of PyTorch's, and a second of a large sweep's tables. It still does where somebody may count on it: code
    that is neither ours nor an installed library's (parts, Hydra's callbacks), a thread at work, an error that goes up, ``python -i``; and
    where the program is another one, such as a debugger, that one goes on.
    """
    if not _is_program():
        main()
        return
    ended = None
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        ended = end
    if _nobody_minds():
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:  # None is one that was closed before the program began
                stream.flush()
        os._exit(int(ended.code or 0) & 0xFF if ended else 0)
    if ended:
        raise ended


def _is_program() -> bool:
    """Return whether the function that asks was called by a command of ours, ``python -m`` or installed, and by no other program."""
    program = sys.modules["__main__"]
    if (spec := getattr(program, "__spec__", None)) is not None:
        is_ours = spec.name.partition(".")[0] in PACKAGES
    else:
        is_ours = Path(getattr(program, "__file__", None) or "").name.startswith(SCRIPTS)
    stays = sys.flags.inspect or os.environ.get("PYTHONINSPECT")
    return is_ours and not stays and threading.current_thread() is threading.main_thread() and _depth() - 1 <= OF_A_PROGRAM


def _depth() -> int:
    """Return how many calls there are from the beginning of the program to the function that asks."""
    frame: FrameType | None = sys._getframe(1)
    depth = 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def _nobody_minds() -> bool:
    """Return whether there are neither modules of a user's own nor threads that Python would wait for."""
    if any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate()):
        return False
    packages = [os.path.dirname(sys.modules[name].__file__ or "") for name in PACKAGES if name in sys.modules]
    folders = tuple(f"{folder}{os.sep}" for folder in (*packages, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")))
    program = sys.modules["__main__"]  # which multiprocessing gives a second name
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values()) if module is not program]
    # A name without a folder is one that PyTorch gives to modules that it makes.
    paths = [file for file in files if isinstance(file, str) and os.path.isabs(file)]
    return all(path.startswith(folders) or any(folder in path for folder in INSTALLED) for path in paths)
