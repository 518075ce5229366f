"""A graph as a table."""

from traced_networks import graph_of

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
    assert str(graph_of("cumsum")) == TABLE


def test_products_and_pieces_are_written_as_such_and_tied_tensors_are_named() -> None:
    lines = str(graph_of("gpt")).splitlines()
    assert "blocks.0.attention.qkv.weight  g2 x g3 + g2 x g3 + g2 x g4, g1*" in lines
    assert "head.weight  words.weight" in lines
