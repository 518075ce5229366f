"""Commands as a user types them, in a folder and with a store of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sharing import made_once
from warm_python import NO_FIGURES, write_clients

ROOT = Path(__file__).resolve().parents[2]
collect_ignore = ["hidden"]  # what is there is for other processes: imported in search of doctests, it would hide things from this one


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which `python`, and our commands, have their imports behind them: one server for all test processes."""
    own = {
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
        "COLUMNS": "160",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }

    def start(folder: Path) -> None:
        write_clients(folder, str(folder / "socket"))
        # The server ends with what runs the tests: this process, or the one that has started it and its siblings.
        runner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
        server = [sys.executable, Path(__file__).parent / "warm_python.py", folder / "socket", str(runner)]
        with (folder / "log").open("w") as log:  # a file, not a pipe, which would stay open for as long as the server runs
            started = subprocess.run(server, env=os.environ | own, stdout=log, stderr=log, start_new_session=True, check=False)
        assert started.returncode == 0, (folder / "log").read_text()

    folder = made_once(tmp_path_factory, "python", start)
    return os.environ | own | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def command(tmp_path: Path, warm_python: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ``python -m lmc_sweeps`` (or another module) in an empty folder and returns what came of it.

    With `cold` a new interpreter starts, as a user's does, in seconds; else a process of its own that has the imports behind it, and leaves
    out the figures, which take most of its time, but for a test that looks at them (`figures`).
    """

    def run(
        *arguments: str, module: str = "lmc_sweeps", cold: bool = False, figures: bool = False, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        own = {"LMC_SWEEPS_STORE": str(tmp_path / "store"), "OMP_NUM_THREADS": "1", **environment}
        python = sys.executable if cold else str(Path(warm_python["PATH"].partition(os.pathsep)[0]) / "python")
        own |= {} if figures else NO_FIGURES
        environ = os.environ if cold else {name: value for name, value in warm_python.items() if name != "COLUMNS"}
        return subprocess.run(
            [python, "-m", module, *arguments], cwd=tmp_path, env=environ | own, capture_output=True, text=True, check=False
        )

    return run
