"""The benchmark of architectures: all that it times against one another trains the same network."""

import pytest
import torch

from benchmarks.architectures import Case, PlainLoop, at_once, row
from benchmarks.trained_stacks import TrainedStack
from lmc_sweeps.datasets.base import Data, Split
from lmc_sweeps.models.cnn import Cnn
from lmc_sweeps.models.gpt import Gpt
from lmc_sweeps.training.optimizers import AdamW, Sgd

EXAMPLES = 6
# It adds one number to all that a softmax compares: its gradient is rounding, and Adam takes whole steps along it.
KEY_BIAS = "blocks.0.attention.key.bias"


def case(name: str) -> Case:
    """Return a small case whose batches are the whole training set, so that its order means nothing."""
    rng = torch.Generator().manual_seed(0)
    if name == "gpt":
        tokens = torch.randint(7, (EXAMPLES, 9), generator=rng)
        split, classes = Split(tokens[:, :-1], tokens[:, 1:]), 7
        return Case(name, Gpt(heads=2), 4, 1, Data(split, split, classes), EXAMPLES, AdamW(lr=1e-3))
    split = Split(torch.randn(EXAMPLES, 1, 8, 8, generator=rng), torch.arange(EXAMPLES) % 3)
    return Case(name, Cnn(norm=name), 4, 2, Data(split, split, 3), EXAMPLES, Sgd(lr=0.01))


@pytest.mark.parametrize("name", ["batch", "layer", "gpt"])
def test_the_plain_loop_a_stack_and_a_stack_at_once_come_to_the_same_network(name):
    job = case(name).job()
    loop, by_itself, stack, together = PlainLoop(job), TrainedStack(job, 1), TrainedStack(job, 3), TrainedStack(job, 3, at_once(job))
    loop.steps(4)
    expected = loop.module.state_dict()
    for trained in (by_itself, stack, together):
        assert trained.steps(3) > 0  # after a first one
        networks = trained.networks()
        assert {*networks} == {key for key in expected if not key.endswith("num_batches_tracked")}
        for key in networks.keys() - {KEY_BIAS}:
            torch.testing.assert_close(networks[key][0], expected[key], rtol=1e-3, atol=1e-5)


def test_a_row_of_one_turn_has_the_ratios_of_its_times():
    values = row(case("batch"), repeats=1, turn=0.0)
    medians = {key: float(str(values[f"{key} [ms]"]).split()[0]) for key in ("ours", "one after the other", "at once", "plain")}
    assert values["ratio_to_plain"] == pytest.approx(medians["plain"] / medians["ours"], rel=1e-2)
    assert values["ratio_to_one_after_the_other"] == pytest.approx(medians["one after the other"] / medians["ours"], rel=1e-2)
    assert values["at_once_to_one_after_the_other"] == pytest.approx(medians["one after the other"] / medians["at once"], rel=1e-2)
    assert (values["model"], values["norm"], values["width"], values["batch"]) == ("batch", "batch", 4, EXAMPLES)
