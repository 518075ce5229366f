"""Why do approximate dimensions at learning rate 0.1 differ so much between networks? The loss of the first 150 steps beside them.

python results/paper_figure2/loss_spikes.py MNIST_FOLDER   writes loss_spikes.csv beside this file (half a minute on two cores).
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from hydra import compose, initialize_config_dir

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.jobs.planned import padded_split, planned_networks
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.models.base import stacked
from lmc_sweeps.models.padding import pad
from lmc_sweeps.sweeps.config import PreparedJob, conf_dir, prepare
from lmc_sweeps.training.loop import StackState, initial_state, train

STEPS, WARM_UP, EXAMPLES = 150, 10, 1000
HERE = Path(__file__).parent
DIMENSIONS = ("approximate_dimension", "approximate_dimension_b")  # of network A, number 0, and of B


def jobs(root: str) -> list[PreparedJob]:
    """Return the study's jobs at its largest learning rate."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        overrides = ["experiment=paper_figure2", f"dataset.root={root}", "optimizer.lr=0.1", "store.dir=null"]
        return [prepare(compose("config", [*overrides, f"seed={seed}"])) for seed in range(4)]


def main(root: str) -> None:
    """Train the first steps again, bit for bit those of the study, and write the highest loss after the warm-up."""
    prepared = jobs(root)
    tasks = [task for job in prepared for task in planned_networks(job)]
    split = padded_split(prepared[0].data.train, torch.device("cpu"))
    some, losses = Split(split.inputs[:EXAMPLES], split.labels[:EXAMPLES]), []

    def look(state: StackState) -> None:
        losses.append(evaluate(tasks[0].training_architecture, state.parameters, some).loss)

    start = initial_state(tasks[0].recipe.optimizer, stacked([pad(task.initial()) for task in tasks]))
    train(tasks[0].training_architecture, start, [task.recipe for task in tasks], split, look, STEPS)
    curve = np.array(losses)[WARM_UP:]
    layers = pd.read_csv(HERE / "layers.csv").query("matching == 'weights' and layer == 1 and `optimizer.lr` == 0.1")
    own = layers[layers["training.data_order"] == "own"].set_index("seed")
    rows = []
    for k, task in enumerate(tasks):
        seed, number = task.settings.seed, task.number
        highest = {"highest_loss": curve[:, k].max(), "at_step": WARM_UP + 1 + curve[:, k].argmax()}
        rows.append({"seed": seed, "network": number, **highest, "approximate_dimension": own.loc[seed, DIMENSIONS[number]]})
    pd.DataFrame(rows).to_csv(HERE / "loss_spikes.csv", index=False, float_format="%.6g")


if __name__ == "__main__":
    main(sys.argv[1])
