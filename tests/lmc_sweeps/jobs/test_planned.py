"""The networks that jobs need: grouped by the shape of their computation, each there once, each with its own beginning and order."""

import pytest
from small_tasks import task

from lmc_sweeps.jobs.planned import groups
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.loop import Training
from lmc_sweeps.training.optimizers import Adam, Sgd


def test_networks_of_one_shape_are_a_group_and_each_is_there_once():
    wide, other = task(width=7), task(1)
    by_shape = groups([task(), other, wide, task(), task(optimizer=Sgd(lr=0.5, momentum=0.1)), task(seed=3)])
    assert [len(group) for group in by_shape] == [4, 1]
    assert by_shape[1] == [wide]


@pytest.mark.parametrize(
    "change",
    [
        {"depth": 2}, {"model": Mlp(bias=False)}, {"optimizer": Adam()},
        {"training": Training(epochs=3, batch_size=17)}, {"training": Training(epochs=4, batch_size=16)},
    ],
)  # fmt: skip
def test_what_changes_the_computation_makes_a_group_of_its_own(change):
    assert len(groups([task(), task(**change)])) == 2
