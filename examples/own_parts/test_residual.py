"""The contract of a model: what the rest of lmc_sweeps relies on."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.models.base import INPUT, Shape, stacked
from lmc_sweeps.models.residual import Residual

MODEL, SHAPE = Residual(), Shape(inputs=(5,), width=12, depth=2, classes=3)
ARCHITECTURE = MODEL.architecture(SHAPE)
A, B = (MODEL.initial(SHAPE, generator(k, "test")) for k in (0, 1))
INPUTS = torch.from_numpy(generator(2, "test").standard_normal((7, 5)).astype(np.float32))
GROUPS = ARCHITECTURE.spec.groups
SIZES = ARCHITECTURE.spec.sizes(A)
PERMUTATIONS = {group: generator(k, "test").permutation(SIZES[group]) for k, group in enumerate(GROUPS, start=3)}


def logits(network):
    return ARCHITECTURE.forward(stacked([network]), INPUTS)[0]


def test_the_groups_are_the_stream_and_the_blocks():
    assert SIZES == {"stream": 12, "block_1": 12, "block_2": 12}


@pytest.mark.parametrize("groups", [*[[group] for group in GROUPS], GROUPS])
def test_a_permuted_network_is_the_same_function(groups):
    permuted = apply_permutations(B, ARCHITECTURE.spec, {group: PERMUTATIONS[group] for group in groups})
    assert any(not torch.equal(permuted[name], B[name]) for name in B)
    torch.testing.assert_close(logits(permuted), logits(B))


def test_a_stream_permuted_in_its_readers_only_is_another_function():
    wrong = {**B, "input_weight": B["input_weight"][PERMUTATIONS["stream"]]}
    assert not torch.allclose(logits(wrong), logits(B), atol=1e-2)


def test_a_stack_is_its_networks_with_one_batch_for_all_or_one_each():
    stack = stacked([A, B])
    torch.testing.assert_close(ARCHITECTURE.forward(stack, INPUTS), torch.stack([logits(A), logits(B)]))
    each = torch.stack([INPUTS, 2 * INPUTS])
    assert ARCHITECTURE.forward(stack, each).shape == (2, 7, 3)
    torch.testing.assert_close(ARCHITECTURE.forward(stack, each)[1], ARCHITECTURE.forward(stacked([B]), 2 * INPUTS)[0])


def test_there_are_activations_of_every_group_and_source_in_the_order_of_its_neurons():
    activations = ARCHITECTURE.activations(stacked([B]), INPUTS)
    assert {INPUT, *GROUPS} == activations.keys()
    moved = ARCHITECTURE.activations(stacked([apply_permutations(B, ARCHITECTURE.spec, PERMUTATIONS)]), INPUTS)
    for group, permutation in PERMUTATIONS.items():
        torch.testing.assert_close(moved[group], activations[group][..., permutation])


def test_every_incoming_weight_has_a_source_of_the_width_of_its_second_axis():
    widths = {INPUT: SHAPE.n_inputs, **SIZES}
    for group in GROUPS:
        parameters, sources = ARCHITECTURE.spec.incoming(group), ARCHITECTURE.sources(group)
        assert [A[name].shape[1] for name in parameters] == [widths[source] for source in sources]
        matched = GROUPS[: GROUPS.index(group)]
        assert all(source == INPUT or source in matched for source in sources)  # one pass from first to last can match it


def test_the_line_in_stacks_is_the_line_point_by_point():
    t = torch.tensor([0.0, 0.3, 1.0])
    line = ARCHITECTURE.line_logits(A, B, [PERMUTATIONS], t, INPUTS)[0]
    permuted = apply_permutations(B, ARCHITECTURE.spec, PERMUTATIONS)
    for k, part in enumerate(t.split(1)):
        point = {name: tensor[0] for name, tensor in interpolate(A, permuted, part).items()}
        torch.testing.assert_close(line[k], logits(point))


def test_the_module_computes_the_same():
    torch.testing.assert_close(ARCHITECTURE.module(A)(INPUTS), logits(A))


def test_it_is_trained_as_it_is():
    padded = ARCHITECTURE.padded(A)
    assert {name: tensor.shape for name, tensor in padded.items()} == {name: tensor.shape for name, tensor in A.items()}
    gradients = {name: torch.zeros(1, *tensor.shape) for name, tensor in A.items()}
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0])

    def at_logits(values):  # of the mean cross-entropy
        return ((values.softmax(-1) - torch.nn.functional.one_hot(labels, 3)) / len(labels)).to(values.dtype)

    ARCHITECTURE.gradients(stacked([A]), INPUTS.unsqueeze(0), at_logits, gradients)
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in A.items()}
    cross_entropy(logits(leaves), labels).backward()
    for name, leaf in leaves.items():
        torch.testing.assert_close(gradients[name][0], leaf.grad)
