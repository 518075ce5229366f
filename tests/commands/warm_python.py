"""A `python` that has its imports behind it: commands from documents run by the dozen, and importing torch takes seconds each time.

``serve`` imports what the commands need, listens on a socket and forks a process per command; ``CLIENT`` is the `python` that a shell finds
on its PATH: it hands arguments, folder, environment and open files to the server and ends with the exit status of what was run.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import traceback
from pathlib import Path

import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins

COMMANDS = {
    "lmc-sweeps": "lmc_sweeps.cli",
    "lmc-sweeps-analysis": "multirun_analysis.__main__",
    "lmc-sweeps-compare": "lmc_sweeps.commands.compare",
    "lmc-sweeps-store": "lmc_sweeps.commands.store",
}
PACKAGES = ("lmc_sweeps.datasets", "lmc_sweeps.models", "lmc_sweeps.matching", "lmc_sweeps.transport", "multirun_analysis.plots")
BEFOREHAND = (
    *COMMANDS.values(),
    *("multirun_analysis.report.report", "multirun_analysis.report.terminal", "multirun_analysis.report.drawing"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_pdf", "matplotlib.backends.backend_svg", "fontTools.subset"),
    *("ot", "scipy.optimize", "hydra._internal.logging_config", "omegaconf._impl"),
    *(
        "lmc_sweeps.parts",
        "lmc_sweeps.sweeps.command",
        "lmc_sweeps.sweeps.task",
        "lmc_sweeps.sweeps.sweeper",
        "lmc_sweeps.sweeps.launcher",
        "matplotlib.patheffects",
    ),
    *(f"PIL.{kind}ImagePlugin" for kind in ("Bmp", "Gif", "Jpeg", "Ppm")),
)
FIGURES = "LMC_SWEEPS_TESTS_FIGURES"  # in the environment of a command: the names of those that it draws; all if it is not there
NO_FIGURES = {FIGURES: ""}
CLIENT = """#!{python} -ISE
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
request = {{"name": os.path.basename(sys.argv[0]), "arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
socket.send_fds(server, [b"x"], [0, 1, 2])
server.sendall(json.dumps(request).encode())
server.shutdown(socket.SHUT_WR)
sys.exit(int(server.makefile().read() or 1))
"""


class NoFigure:
    """A figure that has nothing to draw."""

    title = caption = ""

    def draw(self, *_: object) -> None:
        """Draw nothing."""


def write_clients(folder: Path, address: str) -> None:
    """Write the commands that reach the server, to stand first on a PATH."""
    for name in ("python", "python3", *COMMANDS):
        (folder / name).write_text(CLIENT.format(python=sys.executable, address=address))
        (folder / name).chmod(0o755)


def serve(address: str, runner: int) -> None:
    """Start a process that answers commands for as long as the process `runner` is there, and ends with whatever still runs then."""
    for name in BEFOREHAND:
        importlib.import_module(name)
    for package in map(importlib.import_module, PACKAGES):  # which a command looks through for its parts
        for part in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{part.name}")
    Plugins.instance()
    OverridesParser.create().parse_override("width=8,16")  # the first one builds the tables of the grammar
    gc.collect()
    gc.freeze()  # a collection in a command would copy every page that it shares with this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who mind a command
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    if os.fork() > 0:
        return
    while True:
        if not select.select([listener], [], [], 1.0)[0]:
            if not _is_alive(runner):
                os.killpg(0, signal.SIGKILL)
            continue
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _mind(connection)
        connection.close()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _mind(connection: socket.socket) -> None:
    """Run one command in a process of its own and answer with its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    request = json.loads(connection.makefile().read())
    child = os.fork()
    if child == 0:
        connection.close()
        _run(request, files)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(str(status if status >= 0 else 128 - status).encode())
    os._exit(0)


def _run(request: dict, files: list[int]) -> None:
    """Become the command, and end with it."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # Those of the server know of its own files, whether they can be sought in, say.
    sys.stdin = open(0, closefd=False)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", errors="backslashreplace", closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))  # read when torch was imported, from the server's environment
    if FIGURES in os.environ:
        _draw_only(os.environ[FIGURES].split(","))
    status = 0
    try:
        _command(request["name"], request["arguments"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.exit(status)  # as a program ends: what it registered for its exit is done, such as the end of its worker processes


def _draw_only(names: list[str]) -> None:
    plots = sys.modules["multirun_analysis.plots"]
    chosen = {name: figure for name, figure in plots.choices().items() if name in names}
    plots.choices = lambda: chosen or {"nothing": NoFigure()}


def _command(name: str, arguments: list[str]) -> None:
    if name in COMMANDS:
        sys.argv = [name, *arguments]
        sys.modules[COMMANDS[name]].main()
    elif arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        sys.path.insert(0, os.getcwd())
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = arguments
        sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
