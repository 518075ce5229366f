"""The study of the paper's figure 2: agreement is by the rules that were fixed beforehand, and the figures show what the tables say."""

import json

import pandas as pd
import pytest
from analysis_sweeps import make_record, write_record

from multirun_analysis import studies
from multirun_analysis.checks import InputError
from multirun_analysis.studies.paper_figure2 import agreement, approximate_dimension, lmc_error
from multirun_analysis.studies.paper_values import DIMENSIONS, ENDPOINTS, LEARNING_RATES, MIDPOINTS
from multirun_analysis.studies.writing import write_study

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
    found = table[table["quantity"] == quantity].groupby("matching")["agrees"].mean().to_dict()
    assert found == pytest.approx(agrees)


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
        of_label = {line.get_label(): line for line in ax.get_lines()}
        assert of_label["activations (AM), layer 3"].get_ydata()[0] == pytest.approx(1.65 * factor)
        assert len([label for label in of_label if "layer" in str(label)]) == 9


def test_a_study_leaves_tables_figures_and_what_was_run(tmp_path, monkeypatch):
    record = make_record("aa") | {"networks": [{"name": "aa-0", "seconds": 40.0}, {"name": "aa-1", "seconds": 2.0}], "machine": {"a": 1}}
    write_record(tmp_path / "sweep" / "aa", record)
    study = studies.Study(tables={"count": lambda found: pd.DataFrame({"rows": [len(found["runs"])]})})
    monkeypatch.setattr(studies, "choices", lambda: {"mine": study})
    said = write_study("mine", [tmp_path / "sweep"], tmp_path / "out")
    assert said == f"1 of 1 jobs; tables and figures of mine: {tmp_path / 'out'}"
    assert pd.read_csv(tmp_path / "out" / "count.csv")["rows"].tolist() == [4]
    told = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert told["seconds"]["training"] == 42
    assert told["settings"]["width"] == 8
    assert {"runs.csv", "layers.csv", "curves.csv"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_every_study_is_found_by_its_name():
    assert {"paper_figure2", "width_mnist"} <= set(studies.choices())


def test_diverged_networks_do_not_count_and_are_not_among_n():
    changed = frames()
    first = changed["runs"]["optimizer.lr"] == LEARNING_RATES[0]
    changed["runs"].loc[first & (changed["runs"]["loss_midpoint"] > 2.056), "status"] = "diverged"
    table = agreement(changed)
    row = table[(table["quantity"] == "midpoint loss") & (table["matching"] == "weights") & (table["optimizer.lr"] == LEARNING_RATES[0])]
    assert row["n"].tolist() == [1]
    assert row["ours"].tolist() == pytest.approx([2.055])


def test_a_study_of_a_key_that_does_not_vary_is_refused_before_anything_is_written(tmp_path):
    write_record(tmp_path / "sweep" / "aa", make_record("aa"))
    with pytest.raises(InputError, match=r"^the study paper_figure2 needs several values of optimizer\.lr, depth 3, "):
        write_study("paper_figure2", [tmp_path / "sweep"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_study_of_widths_draws_and_tabulates_a_sweep(tmp_path):
    for width in (4, 8, 16):
        for seed in range(3):
            run_id = f"{width}{seed}"
            record = make_record(run_id, width=width, seed=seed, barrier=(1 + 0.1 * seed) / width)
            record["networks"] = [{"name": f"{run_id}-{k}", "seconds": 1.0} for k in range(2)]
            write_record(tmp_path / "sweep" / run_id, record)
    write_study("width_mnist", [tmp_path / "sweep"], tmp_path / "out")
    found = pd.read_csv(tmp_path / "out" / "slopes.csv")
    assert set(found["window"]) == {"4 8 16"}
    assert found["slope"].tolist() == pytest.approx([-1.0] * len(found))
    assert set(pd.read_csv(tmp_path / "out" / "width_steps.csv")["direction"]) == {"falls"}
    assert (tmp_path / "out" / "barrier_against_width.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["varying"]["width"] == [4, 8, 16]
