"""Width by norm: repairs that do nothing are not shown, and the tables are those of the rows that are left."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from study_rows import SEEDS, jitter, pair

from multirun_analysis.studies.widths_and_norms import (
    NORM,
    barrier_against_width,
    barriers,
    change_with_width,
    ends,
    removed,
    repaired,
    study,
)
from multirun_analysis.tables.barrier_vs_width import barrier_vs_width

FACTORS = {
    ("batch", "none"): 1.0,
    ("batch", "reset"): 0.25,
    ("batch", "repair"): 1.0,
    ("layer", "none"): 0.8,
    ("layer", "reset"): 0.8,
    ("layer", "repair"): 0.4,
}
LEVELS = {"identity": 2.0, "rebasin": 1.0}
WIDTHS = (2, 4, 8)


def barrier(norm: str, repair: str, method: str, width: int, seed: int) -> float:
    return FACTORS[norm, repair] * LEVELS[method] * width**-0.5 * jitter(seed)


def frames() -> dict[str, pd.DataFrame]:
    rows = []
    for norm, repair in FACTORS:
        for width in WIDTHS:
            for seed in SEEDS:
                loss = 1 / width + (0.1 if (norm, repair) == ("batch", "reset") else 0.0)
                for method in LEVELS:
                    value = barrier(norm, repair, method, width, seed)
                    rows.append(
                        pair(width, seed, norm=norm)
                        | {
                            "dataset": "cifar10", "model": "resnet", "depth": 1, NORM: norm, "matching": method, "repair": repair, "split": "test",
                            "loss_a": loss, "loss_b": loss + 0.2, "error_a": 0.3, "error_b": 0.4, "loss_ensemble": 0.5, "error_ensemble": 0.3,
                            "loss_barrier": value, "error_barrier": value / 10, "loss_barrier_calibrated": value / 2,
                            "loss_midpoint": 1 + value, "error_midpoint": 0.3 + value / 10,
                        }
                    )  # fmt: skip
    runs = pd.DataFrame(rows).drop(columns="norm")
    others = [f"{measure}_{name}" for measure in ("loss", "error") for name in ("barrier_mean", "midpoint_barrier")]
    runs = runs.assign(**dict.fromkeys(others, 0.0), seconds_train=1.0)
    return {"runs": runs, "barrier_vs_width": barrier_vs_width(runs)}


@pytest.fixture(scope="module")
def made() -> dict[str, pd.DataFrame]:
    return frames()


def test_a_repair_is_left_out_with_the_norms_of_which_it_changes_nothing(made):
    cells = set(map(tuple, repaired(made)[[NORM, "repair"]].to_numpy()))
    assert cells == {("batch", "none"), ("batch", "reset"), ("layer", "none"), ("layer", "repair")}


def test_a_repair_that_changes_one_pair_alone_is_shown():
    changed = frames()
    row = changed["runs"].query("`model.norm` == 'batch' and repair == 'repair'").index[0]
    changed["runs"].loc[row, "loss_midpoint"] += 1e-9
    assert ("batch", "repair") in set(map(tuple, repaired(changed)[[NORM, "repair"]].to_numpy()))


def test_barriers_have_the_mean_over_pairs_with_controls_and_ensemble(made):
    table = barriers(made)
    row = table.query(
        "metric == 'loss_barrier' and `model.norm` == 'batch' and matching == 'identity' and repair == 'reset' and width == 4"
    )
    assert float(row["mean"].iloc[0]) == pytest.approx(0.25 * 2 / 2)
    assert int(row["n_pairs"].iloc[0]) == len(SEEDS)
    assert {"loss_barrier", "error_barrier", "loss_barrier_calibrated", "error_midpoint", "loss_ensemble", "error_ensemble"} == set(
        table["metric"]
    )
    assert len(table) == 6 * 4 * len(LEVELS) * len(WIDTHS)  # measures, norms with the repairs that do something


def test_ends_are_over_networks_each_once_under_each_repair(made):
    table = ends(made).query("metric == 'loss_endpoint' and width == 2").set_index([NORM, "repair"])
    assert set(table["n_networks"]) == {2 * len(SEEDS)}
    assert table["mean"].to_dict() == pytest.approx(
        {("batch", "none"): 0.6, ("batch", "reset"): 0.7, ("layer", "none"): 0.6, ("layer", "repair"): 0.6}
    )


def test_change_is_from_the_least_width_and_falls_as_the_law_of_the_rows(made):
    table = change_with_width(made).query(
        "metric == 'loss_barrier' and matching == 'rebasin' and `model.norm` == 'layer' and repair == 'repair'"
    )
    assert table[["from_width", "to_width"]].to_numpy().tolist() == [[2, 4], [2, 8]]
    np.testing.assert_allclose(table["growth"], 0.4 * (np.array([4.0, 8.0]) ** -0.5 - 2**-0.5))
    assert (table["growth_high"] < 0).all()


def test_the_share_that_a_repair_removes_is_by_norm(made):
    means = removed(made).groupby([NORM, "repair"])["mean"].agg(["min", "max"])
    np.testing.assert_allclose(means.loc[("batch", "reset")], 0.75)
    np.testing.assert_allclose(means.loc[("layer", "repair")], 0.5)
    assert len(means) == 2


def drawn(figure: Figure) -> list[str]:
    return [ax.get_title(loc="left") for ax in figure.axes if ax.axison]


def test_the_figure_has_a_row_per_norm_and_a_panel_per_repair_that_does_something(made):
    figure = barrier_against_width(made, "loss_barrier")
    assert drawn(figure) == ["batch norm, no repair", "batch norm, reset", "layer norm, no repair", "layer norm, repair"]
    lines = {line.get_label(): line for line in figure.axes[1].get_lines() if line.get_label() in LEVELS}
    np.testing.assert_allclose(lines["identity"].get_ydata(), 0.25 * 2 * np.array(WIDTHS) ** -0.5)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()  # the repairs of a norm are compared


def test_a_norm_with_fewer_repairs_leaves_its_last_place_empty(made):
    runs = made["runs"][(made["runs"][NORM] == "batch") | (made["runs"]["repair"] == "none")]
    figure = barrier_against_width({"runs": runs, "barrier_vs_width": barrier_vs_width(runs)}, "error_barrier")
    assert drawn(figure) == ["batch norm, no repair", "batch norm, reset", "layer norm, no repair"]


def test_a_study_needs_widths_norms_and_its_methods_and_keeps_norms_apart():
    made = study(("identity", "random"))
    assert (made.needs, made.apart, made.methods, made.repairs) == (("width", NORM), (NORM,), ("identity", "random"), True)


def test_a_study_of_one_norm_has_the_rows_of_that_norm():
    whole = frames()
    of_layer = {name: frame[frame[NORM] == "layer"].drop(columns=NORM) for name, frame in whole.items()}
    one, both = study(("rebasin",), norm="layer"), study(("rebasin",))
    for name in both.tables:
        expected = both.tables[name](whole)
        pd.testing.assert_frame_equal(
            one.tables[name](of_layer), expected[expected[NORM] == "layer"].reset_index(drop=True), check_dtype=False
        )
    assert one.figures.keys() == both.figures.keys()
    assert all(isinstance(draw(of_layer), Figure) for draw in one.figures.values())
