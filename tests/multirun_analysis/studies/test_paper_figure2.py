"""The study of the paper's figure 2: agreement is by the rules that were fixed beforehand, and the figures show what the tables say."""

import pandas as pd
import pytest

from multirun_analysis.studies.paper_figure2 import agreement, approximate_dimension, lmc_error
from multirun_analysis.studies.paper_values import DIMENSIONS, ENDPOINTS, LEARNING_RATES, MIDPOINTS

PAPER_RULES = {"2 sd": 18 + 3, "3 sd or 10 %": 12, "3%": 12, "10%": 24 - 3}


def frames() -> dict[str, pd.DataFrame]:
    """Return frames of a sweep that has the paper's own means, with two pairs a little above and below them."""
    runs, layers = [], []
    for rate in LEARNING_RATES:
        for sign in (-1, 1):
            loss = {split: ENDPOINTS[f"{split} loss"][rate].mean * (1 + 0.001 * sign) for split in ("train", "test")}
            error = 1 - ENDPOINTS["test accuracy"][rate].mean
            for method in ("identity", *MIDPOINTS):
                middle = MIDPOINTS.get(method, {}).get(rate)
                for split in ("train", "test"):
                    runs.append(
                        {
                            "status": "ok", "optimizer.lr": rate, "matching": method, "split": split,
                            "network_a": f"a{sign}", "network_b": f"b{sign}", "loss_a": loss[split], "loss_b": loss[split],
                            "error_a": error, "error_b": error, "loss_midpoint": 3.0 if middle is None else middle.mean + 0.001 * sign,
                        }
                    )  # fmt: skip
            for (method, layer), by_rate in DIMENSIONS.items():
                dimension = by_rate[rate].mean if rate in by_rate else 2.0
                row = {"status": "ok", "optimizer.lr": rate, "matching": method, "layer": layer, "approximate_dimension": dimension}
                layers.append(row | {"approximate_dimension_centred": 2 * dimension})
    return {"runs": pd.DataFrame(runs), "layers": pd.DataFrame(layers)}


def test_the_papers_own_values_agree_with_it_by_every_rule():
    table = agreement(frames())
    assert table["agrees"].all()
    assert table["rule"].value_counts().to_dict() == PAPER_RULES
    assert (table["n"] == [4] * 18 + [2] * 48).all()  # end points are of both networks of a pair


@pytest.mark.parametrize(
    ("frame", "column", "factor", "quantity", "agrees"),
    [
        ("layers", "approximate_dimension", 1.029, "approximate dimension", {"weights": 1.0, "covariance": 1.0, "activations": 1.0}),
        ("layers", "approximate_dimension", 1.031, "approximate dimension", {"weights": 0.0, "covariance": 1.0, "activations": 1.0}),
        # at the largest rate the paper's own spread of covariance's dimensions is 37, 20 and 3.5 %
        ("layers", "approximate_dimension", 0.89, "approximate dimension", {"weights": 0.0, "covariance": 2 / 12, "activations": 0.0}),
        ("runs", "loss_midpoint", 1.09, "midpoint loss", {"weights": 1.0, "covariance": 1.0, "activations": 1.0}),
        ("runs", "loss_midpoint", 1.4, "midpoint loss", {"weights": 0.0, "covariance": 0.0, "activations": 0.0}),
    ],
)
def test_what_is_beyond_the_rule_does_not_agree(frame, column, factor, quantity, agrees):
    changed = frames()
    changed[frame][column] *= factor
    table = agreement(changed)
    shares = table[table["quantity"] == quantity].groupby("matching")["agrees"].mean().to_dict()
    assert shares == pytest.approx(agrees)


def test_an_end_point_is_compared_by_twice_the_papers_deviation():
    changed = frames()
    for column in ("loss_a", "loss_b"):
        at_last = changed["runs"]["optimizer.lr"] == LEARNING_RATES[-1]
        changed["runs"].loc[at_last & (changed["runs"]["split"] == "test"), column] = 0.07609 + 2.1 * 0.0019
    table = agreement(changed)
    assert table.loc[~table["agrees"], ["quantity", "optimizer.lr"]].to_numpy().tolist() == [["test loss", 0.1]]


def test_the_figures_show_our_means_and_the_papers():
    lines = {line.get_label(): line for line in lmc_error(frames()).axes[0].get_lines()}
    shown = lines["weights (Naive WM)"].get_ydata()
    assert shown[0] == pytest.approx(2.056)
    assert shown[-1] == pytest.approx(0.0842)
    assert lines["model (the networks' own)"].get_ydata()[1] == pytest.approx(0.33107)
    left, right = approximate_dimension(frames()).axes
    for ax, factor in ((left, 1), (right, 2)):
        by_label = {line.get_label(): line for line in ax.get_lines()}
        assert by_label["activations (AM), layer 3"].get_ydata()[0] == pytest.approx(1.65 * factor)
        assert len([label for label in by_label if "layer" in str(label)]) == 9


def test_diverged_networks_do_not_count_and_are_not_among_n():
    changed = frames()
    first = changed["runs"]["optimizer.lr"] == LEARNING_RATES[0]
    changed["runs"].loc[first & (changed["runs"]["loss_midpoint"] > 2.056), "status"] = "diverged"
    table = agreement(changed)
    row = table[(table["quantity"] == "midpoint loss") & (table["matching"] == "weights") & (table["optimizer.lr"] == LEARNING_RATES[0])]
    assert row["n"].tolist() == [1]
    assert row["ours"].tolist() == pytest.approx([2.055])
