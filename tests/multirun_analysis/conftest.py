"""Sweeps as they lie on disk, and an alarm for what must not wait."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from analysis_sweeps import write_record

from multirun_analysis import plots
from multirun_analysis.schema import sealed_line

LIMIT = 20  # s, for what takes a fraction of one


@pytest.fixture
def write_sweep(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes records, and the jobs expected, as a sweep leaves them."""

    def write(records: list[dict[str, Any]], expected: list[dict[str, Any]] | None = None, name: str = "sweep") -> Path:
        folder = tmp_path / name
        for record in records:
            write_record(folder / record["run_id"], record)
        folder.mkdir(exist_ok=True)
        if expected is not None:
            (folder / "expected.jsonl").write_text("".join(map(sealed_line, expected)))
        return folder

    return write


@pytest.fixture
def a_hang_is_a_failure() -> Iterator[None]:
    """Raise where a test waits for a file that is none."""

    def stop(*_: object) -> None:
        raise AssertionError(f"waited {LIMIT} s for a file that is none")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out of reports and of the pages of studies: they take most of the time, and many a test is of the rest."""
    monkeypatch.setattr(plots, "choices", dict)
