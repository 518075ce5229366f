"""How a comparison is shown: the measures that are looked at first, within 80 columns, and every note."""

import torch
from torch import nn

from lmc_sweeps import Comparison, compare


def comparison(**settings: object) -> Comparison:
    torch.manual_seed(0)
    a, b = (nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3)) for _ in range(2))
    data = torch.randn(40, 4), torch.arange(40) % 3
    return compare(a, b, train=data, test=data, matching=["weights", "activations"], points=3, **settings)  # type: ignore[arg-type]


def test_a_comparison_is_shown_as_a_table_of_its_methods_with_its_notes() -> None:
    result = comparison()
    lines = repr(result).splitlines()
    assert lines[0].split() == ["matching", "error_a", "error_b", "loss_barrier", "error_barrier", "function_gap"]
    assert [line.split()[0] for line in lines[1:4]] == ["identity", "weights", "activations"]
    rows = result.runs.query("split == 'test'")
    assert [line.split()[3] for line in lines[1:4]] == [f"{barrier:.4f}" for barrier in rows["loss_barrier"]]
    assert max(map(len, lines[:4])) <= 80
    assert [line.removeprefix("note: ") for line in lines[4:-1]] == list(result.notes)
    attributes = lines[-1].removeprefix("Attributes: ").replace("()", "").split()
    assert all(hasattr(result, name) for name in attributes)


def test_in_a_notebook_it_is_a_table_and_a_list_of_notes_and_repairs_have_a_column_where_there_are_several() -> None:
    result = comparison(repair=["none", "reset"])
    assert repr(result).splitlines()[0].split()[:2] == ["matching", "repair"]
    page = result._repr_html_()
    assert page.count("<tr") == 1 + 6
    assert page.count("<li>") == len(result.notes) > 0
