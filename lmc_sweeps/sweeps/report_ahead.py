"""A process that imports what a report is made with while this one computes, and makes it in the end."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.worker_process import Progress
from lmc_sweeps.common.workers import START, Processes, WorkerEnded
from multirun_analysis.common.side_by_side import cores


class ReportWork:
    """What that process does."""

    def begin(self, progress: Progress, is_alone: bool) -> None:
        """Import it all: pandas, Matplotlib, seaborn."""
        gc.disable()  # as in a command of the analysis
        import multirun_analysis.report.drawing
        import multirun_analysis.report.terminal  # noqa: F401

    def text(self, sweep_dirs: Sequence[Path], is_terminal: bool, encoding: str) -> str:
        """Write the report of sweeps, and return what is printed of it."""
        from multirun_analysis.report.report import write_report
        from multirun_analysis.report.terminal import shown

        return shown(write_report(list(sweep_dirs), brief=True, processes=cores()), is_terminal, encoding)


class _Ahead:
    """The process of this command, if it has one."""

    processes: Processes | None = None


@contextmanager
def report_ahead() -> Iterator[None]:
    """Have such a process for the time of a command, where a core is free for it and processes can be forked."""
    if START != "fork" or cores(InputError) < 2:
        yield
        return
    try:
        _Ahead.processes = Processes(ReportWork(), lambda steps: None, 1)
    except (OSError, ImportError):  # the report is made in this one, then
        yield
        return
    try:
        yield
    finally:
        processes, _Ahead.processes = _Ahead.processes, None
        processes.close(is_interrupted=True)


def report_text(sweep_dirs: Sequence[Path]) -> str | None:
    """Return what is printed of the report that the process makes; None if there is none, or it has ended: it is to be made here.

    Raises
    ------
    Exception
        What comes of it there.
    """
    if _Ahead.processes is None:
        return None
    _Ahead.processes.ask("report", "text", sweep_dirs, sys.stdout.isatty(), sys.stdout.encoding or "utf-8")
    (answer,) = _Ahead.processes.answers()
    if isinstance(answer.error, WorkerEnded):
        return None
    if answer.error is not None:
        raise answer.error
    text: str = answer.result
    return text
