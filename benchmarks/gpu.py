"""What a CUDA machine is needed for: ``python -m benchmarks.gpu`` runs the tests there, times training, and compares with the CPU.

Writes ``benchmarks/results/gpu_tests.csv``, ``gpu_steps.csv`` and ``gpu_agreement.csv``, with the machine and the versions. The bits of a
network are promised on the CPU only: tests that compare bits may fail where ``device: auto`` means the GPU, and are counted openly.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import torch

from benchmarks import plain
from benchmarks.steps import REPEATS
from benchmarks.timing import interleaved, machine
from benchmarks.trained_stacks import TrainedStack, job
from lmc_sweeps.datasets.base import Data, Split, fingerprint
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Training

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = 1024  # of a width: more than the card is fastest with, so that the stack is what we choose
CHECKED = ("loss_a", "loss_b", "loss_barrier", "error_barrier")


def tests() -> pd.DataFrame:
    """Run the test suite with the GPU in sight and without: how many tests passed, and the names of those that did not."""
    rows = []
    for name, visible in (("device auto is the GPU", None), ("GPU hidden", "")):
        environment = os.environ if visible is None else {**os.environ, "CUDA_VISIBLE_DEVICES": visible}
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            subprocess.run([sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}"], cwd=ROOT, env=environment, check=False)
            cases = list(ElementTree.parse(report).getroot().iter("testcase"))
        bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
        skipped = sum(case.find("skipped") is not None for case in cases)
        names = "; ".join(f"{case.get('classname')}::{case.get('name')}" for case in bad)
        rows.append({"run": name, "passed": len(cases) - len(bad) - skipped, "failed": len(bad), "skipped": skipped, "which": names})
    return pd.DataFrame(rows)


def steps() -> pd.DataFrame:
    """Time steps on the GPU against the plain loop there, with the stack that was chosen and its share of the card's memory."""
    rng = torch.Generator().manual_seed(0)
    pictures = Split(torch.rand(6000, 784, generator=rng), torch.randint(10, (6000,), generator=rng))
    digits, mnist = Digits().load(), Data(pictures, pictures, 10)
    cases = [(digits, "digits", width, 2, 64) for width in (8, 32, 128, 512, 1024)]
    cases += [(mnist, "MNIST", width, depth, 500) for width, depth in ((32, 1), (512, 1), (512, 3), (2048, 1))]
    return pd.DataFrame([_steps(*case) for case in cases])


def _steps(data: Data, name: str, width: int, depth: int, batch_size: int) -> dict[str, object]:
    device = torch.device("cuda")
    torch.cuda.reset_peak_memory_stats(device)
    stacks = TrainedStack(job(data, width, depth, batch_size, NETWORKS, device="cuda"))
    rounded = TrainedStack(job(data, width, depth, batch_size, NETWORKS, precision="bfloat16", device="cuda"))
    inputs, labels = data.train.inputs.to(device), data.train.labels.to(device)
    count = 50
    timings = interleaved(
        {
            "ours": lambda: stacks.steps(count),
            "ours, bfloat16": lambda: rounded.steps(count),
            "plain": lambda: plain.steps(inputs, labels, width, depth, batch_size, count),
        },
        REPEATS,
    )
    return {
        "networks": f"{name}, {depth} x {width}, batch {batch_size}",
        "stack": stacks.size,
        "ratio_to_plain": timings["plain"].median / timings["ours"].median,
        "bfloat16_against_float32": timings["ours"].median / timings["ours, bfloat16"].median,
        "share_of_memory": torch.cuda.max_memory_allocated(device) / torch.cuda.get_device_properties(device).total_memory,
        **{f"{key} [ms]": str(seconds).replace(" ms", "") for key, seconds in timings.items()},
    }


def agreement(device: str = "cuda") -> pd.DataFrame:
    """Train and measure the same pairs on the CPU and on the GPU: the largest differences of losses and barriers by width."""
    data = Digits().load()
    mark = fingerprint(data)
    rows = []
    for width in (32, 256):
        settings = JobSettings(
            width=width, depth=2, networks=2, seed=0, dataset=Digits(), model=Mlp(), optimizer=Sgd(), training=Training(epochs=5),
            matching=(Weights(), Activations()), device="cpu", precision="float32", points=11, store=None,
        )  # fmt: skip
        frames = []
        for conditions in ("cpu", device):
            with tempfile.TemporaryDirectory() as folder:
                record = run_job(PreparedJob(replace(settings, device=conditions), data, mark), Path(folder) / "job")
            frames.append(pd.DataFrame(record["runs"])[list(CHECKED)])
        rows.append({"networks": f"digits, 2 x {width}, 5 epochs"} | (frames[0] - frames[1]).abs().max().to_dict())
    return pd.DataFrame(rows)


def main() -> None:
    """Run all three and write their tables; without a GPU, say so."""
    if not torch.cuda.is_available():
        sys.exit("there is no CUDA device here (torch.cuda.is_available() is False); nothing was measured.")
    conditions = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}; {machine()}, {date.today().isoformat()}"
    for name, measure in (("gpu_agreement", agreement), ("gpu_steps", steps), ("gpu_tests", tests)):
        table, heading = measure(), f"{name}: {measure.__doc__}"
        with (ROOT / "benchmarks" / "results" / f"{name}.csv").open("w", encoding="utf-8") as stream:
            stream.write(f"# {heading}\n# {conditions}\n")
            table.to_csv(stream, index=False, float_format="%.4g")
        print(f"\n{heading}\n{conditions}\n{table.to_string(index=False, float_format='{:.3g}'.format)}", flush=True)


if __name__ == "__main__":
    main()
