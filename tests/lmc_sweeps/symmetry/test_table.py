"""A graph as a table."""

from traced_networks import NETWORKS

from lmc_sweeps.symmetry.tracing import trace

TABLE = """\
    group  neurons
g1  two    7

tensor       axes (* is read)
one.weight   6, 5
one.bias     6
two.weight   g1, 6
two.bias     g1
head.weight  3, g1*
head.bias    3

Left fixed by cumsum: one.weight, one.bias, two.weight."""


def test_a_graph_prints_its_groups_the_axes_of_its_tensors_and_what_is_limited() -> None:
    network = NETWORKS["cumsum"]
    assert str(trace(network.make(), network.example())) == TABLE


def test_products_and_pieces_are_written_as_such_and_tied_tensors_are_named() -> None:
    lines = str(trace(NETWORKS["gpt"].make(), NETWORKS["gpt"].example())).splitlines()
    assert "blocks.0.attention.qkv.weight  g2 x g3 + g2 x g3 + g2 x g4, g1*" in lines
    assert "head.weight  words.weight" in lines
