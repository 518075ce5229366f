"""`compare` on other data than classes of examples in tensors: tokens, bits, numbers, loaders, large training sets, other batches."""

import copy
import re
import time

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from callers_networks import IDS, N, X, Y, dense, network_of, seeded
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lmc_sweeps import Comparison, compare
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.criteria import CRITERIA

VOCABULARY = 11
GENERATOR = torch.Generator().manual_seed(3)
TOKENS = torch.randint(VOCABULARY, (N, 6), generator=GENERATOR)
NEXT = torch.where(torch.rand(N, 6, generator=GENERATOR) < 0.2, -100, TOKENS.roll(-1, 1))
BITS = torch.randint(2, (N,), generator=GENERATOR)
NUMBERS = X @ torch.randn(8, 2, generator=GENERATOR)


def language_model() -> nn.Module:
    return network_of(
        lambda s, x: s.o(torch.relu(s.a(s.e(x)))), e=lambda: nn.Embedding(VOCABULARY, 5), a=lambda: nn.Linear(5, 8), o=lambda: nn.Linear(8, VOCABULARY)
    )()  # fmt: skip


def dense_to(outputs: int) -> nn.Module:
    return network_of(lambda s, x: s.o(torch.relu(s.a(x))), a=lambda: nn.Linear(8, 8), o=lambda: nn.Linear(8, outputs))()


def chain_to(outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, outputs))


def token_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    return nn.CrossEntropyLoss(ignore_index=-100)(outputs.flatten(0, 1), labels.flatten())


# A network, inputs, labels, the criterion, PyTorch's loss, the share of wrong answers, and the note.
CASES = {
    "tokens": (
        language_model, TOKENS, NEXT, "cross_entropy", token_loss, lambda z: (z.argmax(-1) != NEXT)[NEXT != -100], "cross_entropy; losses are in nats per token.",
    ),
    "bits": (
        lambda: dense_to(1), X, BITS[:, None].float(), "binary_cross_entropy", nn.BCEWithLogitsLoss(), lambda z: (z > 0) != BITS[:, None],
        "binary_cross_entropy; losses are in nats per label.",
    ),
    "bits of a chain": (
        lambda: chain_to(1), X, BITS[:, None].float(), "binary_cross_entropy", nn.BCEWithLogitsLoss(), lambda z: (z > 0) != BITS[:, None],
        "binary_cross_entropy; losses are in nats per label.",
    ),
    "numbers": (lambda: dense_to(2), X, NUMBERS, "squared_error", nn.MSELoss(), None, "squared_error; losses are in the square of the labels' unit."),
    "numbers of a chain": (lambda: chain_to(2), X, NUMBERS, "squared_error", nn.MSELoss(), None, "squared_error; losses are in the square of the labels' unit."),
}  # fmt: skip


def measured(a: nn.Module, b: nn.Module, inputs: Tensor, labels: Tensor, **more: object) -> Comparison:
    """Return the comparison on one split twice; of tokens without `covariance`, which adds a note."""
    methods = ("weights", "activations") if inputs is TOKENS else ("weights", "covariance", "activations")
    return compare(a, b, train=(inputs, labels), test=(inputs, labels), points=3, matching=methods, **more)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what does not depend on the clock."""
    return frame.drop(columns=["seconds_match", "seconds_evaluate"])


@pytest.mark.parametrize("case", CASES)
def test_ends_and_midpoints_are_pytorchs_losses_of_the_modules_themselves(case):
    build, inputs, labels, criterion, torchs, wrong, note = CASES[case]
    a, b = seeded(build, 0), seeded(build, 1)
    comparison = measured(a, b, inputs, labels, criterion=criterion)
    assert comparison.notes[0] == f"criterion: {note}"
    assert set(comparison.runs.matching) >= {"identity", "weights", "activations"}
    assert (comparison.runs.function_gap < 1e-5).all()
    for matching, aligned in comparison.aligned.items():
        row = comparison.runs[comparison.runs.matching == matching].iloc[0]
        middle = copy.deepcopy(a)
        middle.load_state_dict({name: (tensor + aligned[name]) / 2 for name, tensor in a.state_dict().items()})
        with torch.no_grad():
            for net, suffix in ((a, "a"), (b, "b"), (middle, "midpoint")):
                np.testing.assert_allclose(row[f"loss_{suffix}"], float(torchs(net(inputs), labels)), rtol=1e-5)
                expected = np.nan if wrong is None else float(wrong(net(inputs)).double().mean())
                np.testing.assert_allclose(row[f"error_{suffix}"], expected, rtol=1e-12)
    assert (comparison.runs.loss_barrier >= 0).all()


def test_labels_that_are_not_counted_are_noted():
    comparison = measured(seeded(language_model, 0), seeded(language_model, 1), TOKENS, NEXT)
    ignored = int((NEXT == -100).sum())
    assert comparison.notes[1:] == tuple(
        f"`{name}`: {ignored} of {NEXT.numel()} labels are -100, and are not counted." for name in ("train", "test")
    )


def test_bits_by_one_logit_are_classes_by_two():
    one, two = ([seeded(lambda: chain_to(1), seed) for seed in (0, 1)] for _ in range(2))
    for k, net in enumerate(two):
        wide = chain_to(2)
        state = net.state_dict()
        zeros = {name: torch.zeros_like(state[name]) for name in ("2.weight", "2.bias")}
        wide.load_state_dict({name: torch.cat([zeros[name], t]) if name in zeros else t for name, t in state.items()})
        two[k] = wide
    single = measured(*one, X, BITS.bool(), criterion=CRITERIA["binary_cross_entropy"])  # labels (n,) of outputs (n, 1), booleans
    double = measured(*two, X, BITS)
    for column in ("loss_a", "loss_b", "loss_midpoint", "error_a", "error_midpoint", "loss_barrier"):
        np.testing.assert_allclose(single.runs[column], double.runs[column], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("build", [dense, lambda: chain_to(3)], ids=["traced", "chain"])
def test_a_loader_gives_the_bits_of_its_tensors(build):
    a, b = seeded(build, 0), seeded(build, 1)
    loaders = {name: DataLoader(TensorDataset(X, Y), batch_size=7) for name in ("train", "test")}
    by_tensors, by_loader = measured(a, b, X, Y), compare(a, b, **loaders, points=3)
    pd.testing.assert_frame_equal(numbers(by_loader.runs), numbers(by_tensors.runs), rtol=0, atol=0)
    pd.testing.assert_frame_equal(by_loader.curves, by_tensors.curves, rtol=0, atol=0)
    assert by_loader.notes == by_tensors.notes == ()


@pytest.mark.parametrize("case", CASES)
def test_batch_sizes_change_no_number_beyond_rounding(case):
    build, inputs, labels, criterion, *_ = CASES[case]
    a, b = seeded(build, 0), seeded(build, 1)
    at_once, *others = (measured(a, b, inputs, labels, criterion=criterion, batch_size=size) for size in ("auto", 5, 1, 10_000))
    for other in others:
        for column in ("loss_a", "loss_b", "loss_midpoint", "error_midpoint", "loss_barrier", "output_gap", "distance"):
            np.testing.assert_allclose(other.runs[column], at_once.runs[column], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("build", [dense, lambda: chain_to(3)], ids=["traced", "chain"])
def test_a_large_training_set_is_matched_by_all_and_measured_on_some_spread_evenly(build):
    a, b = seeded(build, 0), seeded(build, 1)
    every, some = measured(a, b, X, Y), measured(a, b, X, Y, train_examples=16)
    for method, groups in every.permutations.items():
        for group, permutation in groups.items():
            np.testing.assert_array_equal(some.permutations[method][group], permutation)
    pd.testing.assert_frame_equal(some.layers, every.layers)
    is_test = every.runs.split == "test"
    pd.testing.assert_frame_equal(numbers(some.runs[is_test]), numbers(every.runs[is_test]), rtol=0, atol=0)
    with torch.no_grad():
        expected = float(F.cross_entropy(a(X[::3]), Y[::3]))
    np.testing.assert_allclose(some.runs[~is_test].loss_a, expected, rtol=1e-6)
    assert some.notes == (
        "`train`: the path was evaluated on 16 of 48 training examples, spread evenly (train_examples); the statistics for matching are those of all.",
    )
    for most in (48, None):
        pd.testing.assert_frame_equal(numbers(measured(a, b, X, Y, train_examples=most).runs), numbers(every.runs), rtol=0, atol=0)


def test_a_bound_on_what_is_read_holds_for_both_splits():
    comparison = measured(seeded(dense, 0), seeded(dense, 1), X, Y, max_examples=20)
    assert comparison.notes == tuple(f"`{name}`: 20 of 48 examples were read, spread evenly (max_examples)." for name in ("train", "test"))


def test_seconds_are_those_of_the_stages_and_no_more_than_passed():
    start = time.perf_counter()
    comparison = measured(seeded(dense, 0), seeded(dense, 1), X, Y)
    passed = time.perf_counter() - start
    assert list(comparison.seconds) == ["reading", "tracing", "proving", "matching", "evaluating"]
    assert all(seconds >= 0 for seconds in comparison.seconds.values())
    assert sum(comparison.seconds.values()) <= passed


def ends_in(*parts: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2), *parts)


TWO = torch.stack([BITS, 1 - BITS], 1)
REFUSED: dict[str, tuple[nn.Module, Tensor, Tensor, str, str]] = {
    "a regression by the default": (chain_to(1), X, NUMBERS[:, :1], "cross_entropy", "`train` must have labels that are integers, the numbers of classes, got torch.float32"),
    "a language model whose classes come second": (
        network_of(lambda s, x: s.o(torch.relu(s.a(s.e(x)))).movedim(-1, 1), e=lambda: nn.Embedding(VOCABULARY, 5), a=lambda: nn.Linear(5, 8), o=lambda: nn.Linear(8, VOCABULARY))(),
        TOKENS, NEXT, "cross_entropy", "outputs have shape (examples, 11, 6) and labels (48, 6) in int64; the classes must be on the last axis of the outputs",
    ),
    "tokens by one row per token": (
        network_of(lambda s, x: s.o(torch.relu(s.a(s.e(x)))).flatten(0, 1), e=lambda: nn.Embedding(VOCABULARY, 5), a=lambda: nn.Linear(5, 8), o=lambda: nn.Linear(8, VOCABULARY))(),
        TOKENS, NEXT, "cross_entropy", "network A must return outputs with one row per example, as (examples, classes) or (examples, positions, classes), got (12, 11)",
    ),
    "one label of a sequence": (seeded(language_model, 0), TOKENS, TOKENS[:, 0], "cross_entropy", "outputs have shape (examples, 6, 11) and labels (48,) in int64."),
    "a token beyond the vocabulary": (seeded(language_model, 0), TOKENS, TOKENS + 1, "cross_entropy", "`train` must have labels in 0, ..., 10, got labels from 1 to 11."),
    "classes as numbers": (chain_to(3), X, Y.float(), "squared_error", "outputs have shape (examples, 3) and labels (48,) in float32"),
    "probabilities of bits": (ends_in(nn.Sigmoid()), X, TWO, "binary_cross_entropy", "network A returns probabilities, all between 0 and 1; the loss is taken of logits"),
    "a regression on a softmax": (ends_in(nn.Softmax(1)), X, NUMBERS, "squared_error", "network A ends in a softmax, whose logarithms are measured, which fits criterion='cross_entropy' and not 'squared_error'."),
    "ids beyond the embedding": (seeded(language_model, 0), IDS, NEXT[:, :5], "cross_entropy", "`train` has inputs of shape (5,) in int64, which network A does not take"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_the_criterion_is_refused_in_one_sentence(case):
    network, inputs, labels, criterion, message = REFUSED[case]
    with pytest.raises(InputError, match=re.escape(message)):
        measured(network, copy.deepcopy(network), inputs, labels, criterion=criterion)
