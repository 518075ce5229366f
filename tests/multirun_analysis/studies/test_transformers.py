"""Transformers: barriers in units of each pair's own control, ends as good as each other, and what the figures' artists hold."""

import numpy as np
import pandas as pd
import pytest
from study_rows import SEEDS, pair

from multirun_analysis.stats.positive import log_t_of_rows
from multirun_analysis.studies.transformers import barriers, ends, lines, loss_along_the_line, relative, relative_barrier
from multirun_analysis.tables.barrier_vs_width import barrier_vs_width

SHARES = {"identity": [1.0] * 4, "folding": [2.0] * 4, "rebasin": [0.8, 0.6, 0.9, 0.7], "learned_maps": [0.1, 0.2, 0.3, 0.2]}
UNMATCHED = {"gpt": [1.0, 2.0, 4.0, 8.0], "vit": [0.5, 0.5, 1.0, 1.0]}
T = (0.0, 0.5, 1.0)


def name(model: str, method: str) -> str:
    """Return the label of a method: one of them has other settings in each sweep."""
    return f"learned_maps[steps={ {'gpt': 10, 'vit': 20}[model] }]" if method == "learned_maps" else method


def frames(models: tuple[str, ...] = ("gpt", "vit"), **changes: object) -> dict[str, pd.DataFrame]:
    runs, curves = [], []
    for model in models:
        for seed in SEEDS:
            for method, shares in SHARES.items():
                barrier = shares[seed] * UNMATCHED[model][seed]
                keys = pair(64, seed, model=model) | {
                    "dataset": {"gpt": "python_text", "vit": "mnist"}[model], "depth": 4, "training.batch_size": {"gpt": 32, "vit": 128}[model],
                    "matching": name(model, method), "split": "test",
                }  # fmt: skip
                measures = {
                    "loss_a": 1.0, "loss_b": 1.0 + 0.1 * seed, "error_a": 0.2, "error_b": 0.25, "loss_barrier": barrier,
                    "error_barrier": barrier / 10, "loss_barrier_calibrated": barrier / 2, "loss_midpoint": 1 + barrier, "error_midpoint": 0.3,
                    "loss_ensemble": 0.9, "error_ensemble": 0.2,
                }  # fmt: skip
                runs.append(keys | measures | changes)
                curves += [keys | {"t": t, "loss": 1 + barrier * (t == 0.5), "error": 0.2} for t in T]
    made = pd.DataFrame(runs)
    others = [f"{measure}_{kind}" for measure in ("loss", "error") for kind in ("barrier_mean", "midpoint_barrier")]
    made = made.assign(**dict.fromkeys(others, 0.0))
    return {"runs": made, "curves": pd.DataFrame(curves), "barrier_vs_width": barrier_vs_width(made)}


@pytest.fixture(scope="module")
def both() -> dict[str, pd.DataFrame]:
    return frames()


def test_barriers_are_divided_by_those_of_the_same_pair_under_identity(both):
    table = relative(both).query("metric == 'loss_barrier' and control == 'identity'").set_index(["model", "matching"])
    for model in UNMATCHED:
        for method in ("folding", "rebasin", "learned_maps"):
            row = table.loc[(model, method)]
            assert row["mean"] == pytest.approx(np.mean(SHARES[method]))
            assert row["n_pairs"] == len(SEEDS)
    low, high, _ = log_t_of_rows(np.array([SHARES["rebasin"]]), 0.95)
    np.testing.assert_allclose(table.loc[("gpt", "rebasin"), ["ci_low", "ci_high"]].astype(float), [low[0], high[0]])
    assert ("gpt", "identity") not in table.index


def test_methods_that_fold_norms_are_compared_with_folding_too(both):
    table = relative(both).query("metric == 'error_barrier' and control == 'folding' and model == 'vit'")
    assert table["matching"].tolist() == ["learned_maps"]
    assert table["mean"].iloc[0] == pytest.approx(np.mean(SHARES["learned_maps"]) / 2)


def test_a_pair_without_a_barrier_under_identity_has_no_relative_one(both):
    runs = both["runs"].copy()
    runs.loc[(runs["matching"] == "identity") & (runs["seed"] == 0), "loss_barrier"] = 0.0
    table = relative(both | {"runs": runs}).query("metric == 'loss_barrier' and control == 'identity' and matching == 'rebasin'")
    assert table["n_pairs"].tolist() == [3, 3]
    np.testing.assert_allclose(table["mean"], np.mean(SHARES["rebasin"][1:]))


def test_methods_have_their_maps_and_stand_in_the_order_of_these(both):
    table = barriers(both).query("metric == 'loss_barrier' and model == 'gpt'")
    assert table[["matching", "maps", "norms"]].to_numpy().tolist() == [
        ["identity", "none", "as trained"],
        ["folding", "none", "folded"],
        ["rebasin", "permutations", "as trained"],
        ["learned_maps", "orthogonal", "folded"],
    ]
    np.testing.assert_allclose(table["mean"].iloc[0], np.mean(UNMATCHED["gpt"]))


def test_settings_stay_in_the_name_where_a_model_has_a_method_twice(both):
    twice = {}
    for key in ("runs", "curves"):
        other = both[key].query("matching == 'learned_maps[steps=20]'").assign(matching="learned_maps[steps=30]")
        twice[key] = pd.concat([both[key], other], ignore_index=True)
    methods = relative(both | twice).query("metric == 'loss_barrier' and control == 'identity'").groupby("model")["matching"].agg(list)
    assert methods["gpt"] == ["folding", "rebasin", "learned_maps"]
    assert methods["vit"] == ["folding", "rebasin", "learned_maps[steps=20]", "learned_maps[steps=30]"]


def test_a_method_of_which_nothing_is_known_has_no_maps_and_stands_last(both):
    mine = {key: both[key].replace({"matching": {"rebasin": "mine"}}) for key in ("runs", "curves")}
    table = relative(both | mine).query("metric == 'loss_barrier' and control == 'identity' and model == 'vit'")
    assert table["matching"].tolist() == ["folding", "learned_maps", "mine"]
    assert table["maps"].tolist()[:2] == ["none", "orthogonal"]
    assert table["maps"].isna().tolist() == [False, False, True]
    assert table["mean"].iloc[2] == pytest.approx(np.mean(SHARES["rebasin"]))


def test_ends_are_over_networks_each_once_and_their_difference_over_pairs(both):
    table = ends(both).query("model == 'gpt'").set_index("measure")
    assert table.loc["loss", "n"] == 2 * len(SEEDS)
    assert table.loc["loss", "mean"] == pytest.approx((4 * 1.0 + 1.0 + 1.1 + 1.2 + 1.3) / 8)
    assert table.loc["loss_difference", ["n", "mean", "min", "max"]].tolist() == pytest.approx([4, 0.15, 0.0, 0.3])
    assert table.loc["error_difference", "max"] == pytest.approx(0.05)


def test_lines_are_means_over_pairs_at_each_t(both):
    table = lines(both).query("metric == 'loss' and model == 'vit' and matching == 'identity'")
    np.testing.assert_allclose(table.sort_values("t")["mean"], [1.0, 1 + np.mean(UNMATCHED["vit"]), 1.0])


def test_one_model_and_methods_that_were_not_run_are_simply_absent():
    one = frames(("vit",))
    one = {key: table[table["matching"].isin(["identity", "rebasin"])] for key, table in one.items()}
    assert set(relative(one)["matching"]) == {"rebasin"}
    assert len(relative_barrier(one).axes) == 2
    assert len(loss_along_the_line(one).axes) == 2


def test_the_figure_has_a_row_per_model_with_the_means_from_top_to_bottom(both):
    figure = relative_barrier(both)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["gpt", "gpt", "vit", "vit"]
    ax = figure.axes[0]
    assert [tick.get_text().split("\n") for tick in ax.get_yticklabels()] == [
        ["folding"],
        ["rebasin", "(permutations)"],
        ["learned_maps", "(orthogonal)"],
    ]
    means = {line.get_label(): line.get_xdata() for line in ax.get_lines()}
    np.testing.assert_allclose([means[method][0] for method in ("folding", "rebasin", "learned_maps")], [2.0, 0.75, 0.2])


def test_the_lines_are_drawn_by_model_for_loss_and_error(both):
    figure = loss_along_the_line(both)
    thick = {line.get_label(): line.get_ydata() for line in figure.axes[2].get_lines()}
    np.testing.assert_allclose(thick["rebasin"], [1.0, 1 + np.mean(np.multiply(SHARES["rebasin"], UNMATCHED["vit"])), 1.0])
    assert [ax.get_ylabel() for ax in figure.axes[:2]] == ["test loss [nats]", "test error [fraction]"]
