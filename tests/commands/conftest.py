"""Commands as a user types them, in a folder and with a store of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from warm_python import write_clients

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield an environment in which `python`, and our commands, have their imports behind them."""
    folder = tmp_path_factory.mktemp("python")
    write_clients(folder, str(folder / "socket"))
    own = {
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
        "COLUMNS": "160",
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    environment = os.environ | own
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, Path(__file__).parent / "warm_python.py", folder / "socket"],
            env=environment,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while not (folder / "socket").exists() and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.poll() is None, (folder / "log").read_text()
        yield environment
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # with whatever it still runs
        server.wait()


@pytest.fixture
def command(tmp_path: Path, warm_python: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ``python -m lmc_sweeps`` (or another module) in an empty folder and returns what came of it.

    With `cold` a new interpreter starts, as a user's does, in seconds; else a process of its own that has the imports behind it.
    """

    def run(*arguments: str, module: str = "lmc_sweeps", cold: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"LMC_SWEEPS_STORE": str(tmp_path / "store"), "OMP_NUM_THREADS": "1", **environment}
        python = sys.executable if cold else str(Path(warm_python["PATH"].partition(os.pathsep)[0]) / "python")
        environ = os.environ if cold else {name: value for name, value in warm_python.items() if name != "COLUMNS"}
        return subprocess.run(
            [python, "-m", module, *arguments], cwd=tmp_path, env=environ | own, capture_output=True, text=True, check=False
        )

    return run
