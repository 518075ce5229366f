"""Commands as a user types them, in a folder and with a store of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ``python -m lmc_sweeps`` (or another module) in an empty folder and returns what came of it."""

    def run(*arguments: str, module: str = "lmc_sweeps", **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"LMC_SWEEPS_STORE": str(tmp_path / "store"), "OMP_NUM_THREADS": "1", **environment}
        return subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, check=False
        )

    return run
