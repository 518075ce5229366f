"""Watching a sweep that runs: its tables and its page again and again, until every job has a result."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress

from multirun_analysis.common.media import for_terminal
from multirun_analysis.report.report import Report


def watch(look: Callable[[float | None], Report], seconds: float, sleep: Callable[[float], object] = time.sleep) -> Report:
    """Return the last report of a sweep: when no job is without a result any more, or Ctrl-C was pressed.

    Parameters
    ----------
    look : callable
        Writes a report, with a page that a browser loads again after so many seconds; after None it does not.
    seconds : float
        Between the end of one report and the beginning of the next.
    sleep : callable
        Waits so long.
    """
    last = ""
    with suppress(KeyboardInterrupt):
        while (report := look(seconds)).n_pending:
            line = f"{report.counts} {report.location}"
            if line != last:
                sys.stderr.write(f"{time.strftime('%H:%M:%S')} {for_terminal(line)}\n")
                last = line
            sleep(seconds)
        if not last:
            sys.stderr.write("no job is without a result: there is nothing to wait for.\n")
    return look(None)
