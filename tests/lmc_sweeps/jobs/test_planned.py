"""The networks that jobs need: grouped by the shape of their computation, each there once, each with its own beginning and order."""

import pytest
import torch
from small_tasks import DATA, task

from lmc_sweeps.jobs.planned import groups, padded_split, padded_stack, planned_networks, products_of
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Adam, Sgd
from lmc_sweeps.training.recipe import Training


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


def test_a_network_has_the_tensors_of_its_template_and_a_beginning_of_its_own():
    one, other = task(), task(1)
    for name, tensor in one.initial().items():
        assert (one.template[name].shape, one.template[name].dtype) == (tensor.shape, tensor.dtype)
        assert one.template[name].is_meta
        assert torch.equal(tensor, task().initial()[name])
    assert list(one.template) == list(one.initial())
    assert not torch.equal(one.initial()["output.weight"], other.initial()["output.weight"])


def test_the_networks_of_a_job_are_named_as_the_job_names_them():
    job = task(networks=3).job
    assert [network.name for network in planned_networks(job)] == job.network_names
    assert [network.number for network in planned_networks(job)] == [0, 1, 2]


def test_a_stack_begins_with_its_networks_each_padded_and_inputs_are_padded_alike():
    networks = [task(), task(1)]
    stack, split = padded_stack(networks), padded_split(networks[0].architecture, DATA.train, torch.device("cpu"))
    assert {name: tensor.shape[0] for name, tensor in stack.items()} == dict.fromkeys(networks[0].template, 2)
    logits = networks[0].architecture.forward(stack, split.inputs)
    for k, network in enumerate(networks):
        plain = network.architecture.module(network.initial())(DATA.train.inputs)
        torch.testing.assert_close(logits[k][:, :3], plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("precision", "within"), [("tf32", "high"), ("float32", "highest")])
def test_products_are_those_of_the_precision_for_a_while(precision, within):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with products_of(precision):
            assert torch.get_float32_matmul_precision() == within
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision(before)
