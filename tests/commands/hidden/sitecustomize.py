"""Windows as our modules would see it: what they import lacks what Windows lacks, and says what Windows says; other packages see Linux.

A Python that has this folder on its PYTHONPATH runs it when it starts, and so do the processes that it starts.
"""

import builtins
import os
import signal
import sys
from types import ModuleType

OURS = ("lmc_sweeps", "multirun_analysis", "hydra_plugins.lmc")
ABSENT = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
HIDDEN = {
    "os": "fork getpgid getuid geteuid killpg nice register_at_fork sched_getaffinity setsid statvfs uname waitid".split(),
    "signal": "SIGALRM SIGCHLD SIGHUP SIGKILL SIGQUIT SIGUSR1 SIGUSR2 alarm pthread_sigmask setitimer".split(),
    "sys": [],
}
OTHER = {"os": {"name": "nt"}, "signal": {"SIGBREAK": signal.SIGUSR1}, "sys": {"platform": "win32"}}


class Hiding(ModuleType):
    """Stands in for a module, without what is hidden of it."""

    def __init__(self, module):
        super().__init__(module.__name__)
        self._module = module
        self.__dict__.update(OTHER[module.__name__])

    def __getattr__(self, name):
        if name in HIDDEN[self.__name__]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on Windows")
        return getattr(self._module, name)


HIDING = {module.__name__: Hiding(module) for module in (os, signal, sys)}
import_anything = builtins.__import__


def import_as_on_windows(name, names=None, locals=None, fromlist=(), level=0):
    if level == 0 and str((names or {}).get("__name__", "")).startswith(OURS):
        if name in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name in HIDING:
            return HIDING[name]
    return import_anything(name, names, locals, fromlist, level)


builtins.__import__ = import_as_on_windows
