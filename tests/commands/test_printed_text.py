"""What the commands print: no escape sequence from a file, a key or a message reaches the terminal, and nothing is taken for markup."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from lmc_sweeps.cluster.waiting import say
from lmc_sweeps.commands import compare, store
from lmc_sweeps.jobs.network_files import Facts, StoredNetwork
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.sweeps.progress import TrainingProgress
from lmc_sweeps.sweeps.summary import job_line
from lmc_sweeps.sweeps.sweeper import SweepStopped

EVIL = "\x1b]52;c;aGk=\x07\x1b[2J\x9b2J\u202e[red]\r\x00"
SHOWN = r"\x1b]52;c;aGk=\x07\x1b[2J\x9b2J\u202e[red]\r\x00"


def test_a_launchers_lines(capsys):
    with TrainingProgress(EVIL, 10) as progress:
        progress.write(f"job {EVIL}")
    say(f"task {EVIL}")
    assert capsys.readouterr().err == f"job {SHOWN}\ntask {SHOWN}\n"


def test_warnings_in_the_log_and_on_the_terminal(command, tmp_path):
    """A stored network is damaged, in a folder whose name clears the terminal, and the warning names its place."""
    job = ["width=4", "training.epochs=1", "points=3", "matching=[weights]", "store.dir='st\x1b[2Jore'"]
    first = command(*job, "hydra.run.dir=first")
    assert first.returncode == 0, first.stderr
    kinds = (["-m", "hydra.sweep.dir=batched"], ["-m", "hydra/launcher=basic", "hydra.sweep.dir=basic"], ["hydra.run.dir=one/job"])
    for words, folder in zip(kinds, ("batched", "basic", "one"), strict=True):
        for network in tmp_path.glob("st*ore/*/*.safetensors"):
            network.write_bytes(b"damaged")
        completed = command(*job, *words)
        assert completed.returncode == 0, completed.stderr
        assert "WARNING: the stored network st\\x1b[2Jore/" in completed.stderr
        logs = "".join(path.read_text() for path in (tmp_path / folder).glob("**/*.log"))
        assert "the stored network st\\x1b[2Jore/" in logs
        assert "\x1b" not in first.stderr + first.stdout + completed.stderr + completed.stdout + logs


def test_warnings_of_a_command_that_has_no_log():
    code = "import logging\nfrom multirun_analysis.common.streams import command_streams\nwith command_streams():\n    "
    code += f"logging.getLogger('lmc_sweeps').warning('%s is damaged', {EVIL + chr(10)!r})"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert completed.stderr == f"{SHOWN}\\n is damaged\n"


def test_a_sweep_that_stops():
    assert str(SweepStopped(f"2 of 3 jobs cannot run.\n  {EVIL}")) == f"2 of 3 jobs cannot run.\n  {SHOWN}"


def test_the_store_lists_what_headers_say(tmp_path, capsys):
    kept_networks = Store(tmp_path)
    identity = {
        "dataset": {"name": EVIL},
        "model": {"name": "mlp"},
        "optimizer": {"name": "sgd"},
        "width": 8,
        "depth": 1,
        "seed": 3,
        "network": 0,
    }
    kept_networks.save("aa11", identity, StoredNetwork({"w": torch.ones(3)}, Facts(loss_initial=2.3, loss_final=0.125, finite=True), 1.0))
    store.main(["list", "--dir", str(tmp_path)])
    printed = capsys.readouterr().out
    assert SHOWN in printed
    assert EVIL not in printed


def test_comparing_files_whose_tensors_have_such_names(tmp_path, capsys):
    names = [f"{EVIL}{k}.{kind}" for k in (1, 2) for kind in ("weight", "bias")]
    shapes = ((3, 64), (3,), (10, 3), (10,))
    for file in ("a", "b"):
        save_file({name: torch.zeros(shape) for name, shape in zip(names, shapes, strict=True)}, tmp_path / f"{file}.safetensors")
    with pytest.raises(SystemExit) as stopped:
        compare.main([*(str(tmp_path / f"{file}.safetensors") for file in "ab"), "model.bias=false"])
    assert SHOWN in str(stopped.value)
    assert EVIL not in str(stopped.value) + capsys.readouterr().out


def test_the_error_of_a_jobs_line_is_the_mean_over_its_networks_in_three_figures():
    errors = {"a": 0.0, "b": 3e-5, "c": 9e-5}
    rows = [
        {
            "split": "test",
            "matching": method,
            "network_a": a,
            "network_b": b,
            "error_a": errors[a],
            "error_b": errors[b],
            "loss_barrier": 4e-5,
        }
        for method, pairs in (("identity", ("ab", "ac", "bc")), ("weights", ("ab",)))
        for a, b in pairs
    ]
    line = job_line({"status": "ok", "seconds": 1.0, "runs": rows})
    assert line == "1.0 s; test error 4e-05; test loss barrier: identity 4e-05, weights 4e-05"
