"""What is proved before anything is measured: that the code computes what is measured, and that a specification keeps the function."""

import pytest
import torch
import torch.nn.functional as F
from callers_networks import CLASSES, HIDDEN, N, Net, X, Y, dense, network_of, refusal, returns, with_buffer
from torch import nn

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.own_networks import proof
from lmc_sweeps.own_networks.modules import own_network
from lmc_sweeps.own_networks.proof import probes

DIFFER = "network A and network B do not compute the same function of their weights"
NOT_KEPT = (
    "the permutation specification does not keep the network's function: relabelling the 8 neurons of group 'h' changes its logits by"
)


def random() -> Net:
    return network_of(lambda s, x: s.o(F.dropout(s.a(x), 0.5)), a=lambda: nn.Linear(8, 8), o=lambda: nn.Linear(8, 3))()


def zeros(net: Net) -> Net:
    nn.init.zeros_(net.a.bias)
    return net


def dead(net: Net) -> Net:
    nn.init.constant_(net.a.bias, -100.0)
    return net


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "another activation": ({"b": dense(act=torch.tanh)}, f"{DIFFER} (the network act: relu against tanh): with equal weights their logits differ by"),
    "another constant": ({"a": dense(k=1.0, _call=lambda s, x: s.k * s.o(s.act(s.a(x)))), "b": dense(k=1.001, _call=lambda s, x: s.k * s.o(s.act(s.a(x))))}, f"{DIFFER} (the network k: 1.0 against 1.001): with equal weights"),
    "another buffer": ({"a": with_buffer(torch.ones(8)), "b": with_buffer(torch.full((8,), 1.01))}, f"{DIFFER} (the network c has other values)"),
    "another buffer of integers": ({"a": with_buffer(torch.arange(8), True), "b": with_buffer(torch.arange(8).flip(0), True)}, f"{DIFFER} (the network c has other values)"),
    "a hook": ({"b": (lambda net: (net.o.register_forward_hook(lambda m, i, o: 2 * o), net)[1])(dense())}, f"{DIFFER}: with equal weights"),
    "random": ({"a": random(), "b": random()}, "network A returns other logits when it is called once more"),
    "batch norm without statistics": ({"a": nn.Sequential(dense(), nn.BatchNorm1d(3, affine=False, track_running_stats=False)), "b": nn.Sequential(dense(), nn.BatchNorm1d(3, affine=False, track_running_stats=False)), "spec": {f"0.{name}": entry for name, entry in HIDDEN.items()}}, "network A computes something else for an example in another batch"),
    "probabilities": ({"a": returns(lambda z: z.softmax(1)), "b": returns(lambda z: z.softmax(1))}, "network A returns probabilities, which sum to 1; the loss is taken of logits"),
    "bytes that wrap": ({"a": dense(_call=lambda s, x: s.o(s.a((x - 128) / 64.0))), "x": (60 * X.abs()).to(torch.uint8)}, "`train` has inputs in torch.uint8, for which network A computes something else than for the same numbers in torch.float32"),
    "a bias left behind": ({"spec": HIDDEN | {"a.bias": (None,)}}, NOT_KEPT),
    "a bias of zeros left behind": ({"a": zeros(dense()), "b": zeros(dense()), "spec": HIDDEN | {"a.bias": (None,)}}, NOT_KEPT),
    "dead neurons": ({"a": dead(dense()), "b": dead(dense()), "spec": HIDDEN | {"a.bias": (None,)}}, NOT_KEPT),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_proofs_do_not_let_pass_is_refused_in_one_sentence(case):
    changes, message = REFUSED[case]
    assert refusal(**changes).startswith(message)


@pytest.mark.parametrize(("most", "count"), [(10 * CLASSES, 10), (1, 2), (2**20, N)])
def test_probes_are_spread_over_the_split_and_fewer_where_they_have_many_outputs(monkeypatch, most, count):
    monkeypatch.setattr(proof, "MOST_OUTPUTS", most)
    inputs = probes(own_network("network A", dense()), Split(X, Y))
    rows = [int((X == one).all(1).nonzero()[0]) for one in inputs]
    assert rows == list(range(0, N, N // count))[:count]
