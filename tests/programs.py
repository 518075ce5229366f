"""What not every machine has: programs and Python packages that some tests need."""

import importlib.util
import os
import shutil
import subprocess
from functools import cache

import pytest

# A program whose being installed says nothing: Slurm's answers where its controller runs.
ANSWERS = {"sbatch": ("sinfo", "-h")}


@cache
def usable(name: str) -> bool:
    """Return whether a program, or a Python package, of that name is here and can be used."""
    if name in ANSWERS and shutil.which(ANSWERS[name][0]):
        return subprocess.run(ANSWERS[name], capture_output=True, check=False, timeout=60).returncode == 0
    if name in ANSWERS:
        return False
    return shutil.which(name) is not None or _is_package(name)


def _is_package(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it would be in
        return False


def skip_without(name: str, reason: str = "") -> None:
    """Skip a test because something is not on this machine; fail it where ``LMC_SWEEPS_TOOLS`` says that it must be, as in CI."""
    if name in os.environ.get("LMC_SWEEPS_TOOLS", "").split():
        pytest.fail(f"needs {name}, which LMC_SWEEPS_TOOLS says is here, and it is not{reason and f': {reason}'}")
    pytest.skip(f"needs {name}{reason and f': {reason}'}")
