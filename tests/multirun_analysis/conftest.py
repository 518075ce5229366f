"""Sweeps as they lie on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from analysis_sweeps import write_record

from multirun_analysis.schema import sealed_line


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
