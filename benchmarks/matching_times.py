"""Matching a pair of networks by every method against training it: MNIST's shape, three hidden layers of 512 neurons."""

import os
from functools import partial

import pandas as pd
from torch import Tensor

from benchmarks.measuring import examples
from benchmarks.timing import busy_cores, idle_cores, timed
from lmc_sweeps import matching
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.measuring.problems import MOMENTS, matching_problem, solved
from lmc_sweeps.models.base import Architecture, Shape, stacked, unstack
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.loop import initial_state, train
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Recipe, Training

SHAPE, EXAMPLES = Shape((784,), 512, 3, 10), 60_000
# The recipe of the studies on MNIST; every epoch takes as long as another, so one is trained, and its time multiplied.
RECIPE, EPOCHS = Training(epochs=1, batch_size=500, schedule="warmup_cosine"), 20
Trained = tuple[Architecture, list[dict[str, Tensor]], float]


def matching_times() -> pd.DataFrame:
    """Seconds of matching over those of training the pair (the MNIST recipe, 20 epochs), on an idle machine and on busy cores."""
    split, rows = examples(EXAMPLES), []
    for cores in ("idle", "busy"):
        with busy_cores(os.cpu_count() or 1) if cores == "busy" else idle_cores():
            architecture, networks, epoch = trained_pair(split)
            for name, method in ((name, kind()) for name, kind in matching.choices().items()):
                moments = timed(partial(matching_problem, architecture, networks, split, method.needs & MOMENTS))
                seconds = matching_seconds(architecture, networks, split, method)
                row = {"cores": cores, "method": name, "ratio_to_training": seconds / (EPOCHS * epoch), "seconds": seconds}
                rows.append(row | {"of_them_moments": moments, "seconds_of_training": EPOCHS * epoch})
                print(row, flush=True)
    return pd.DataFrame(rows)


def trained_pair(split: Split) -> Trained:
    """Return two networks after one epoch on noise, and its seconds."""
    model, numbers = Mlp(initialisation="lecun"), (0, 1)
    architecture = model.architecture(SHAPE)
    stack = stacked([model.initial(SHAPE, generator(0, "benchmark", number)) for number in numbers])
    recipes = [Recipe(seed=0, number=number, optimizer=Sgd(lr=0.1), training=RECIPE) for number in numbers]
    states = []
    seconds = timed(lambda: states.append(train(architecture, initial_state(Sgd(lr=0.1), stack), recipes, split)))
    return architecture, [unstack(states[0].parameters, number) for number in numbers], seconds


def matching_seconds(architecture: Architecture, networks: list[dict[str, Tensor]], split: Split, method: Matching) -> float:
    """Return the seconds of one match, with the statistics that the method looks at."""

    def match() -> None:
        solved(method, matching_problem(architecture, networks, split, method.needs, generator(0, "matching", method.name)))

    return timed(match)
