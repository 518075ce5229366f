"""The figures of the page: every mark says what it is, and is of the values by which readers filter."""

import re
import xml.etree.ElementTree as ET
from itertools import product

import pytest
from analysis_sweeps import REPAIRS, make_record, repaired, with_training
from matplotlib.figure import Figure
from small_frames import plane_frame

from multirun_analysis import plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.output.figures import figure_svg
from multirun_analysis.plots.hover import IS, TIP, hover_svg
from multirun_analysis.tables.sweep import sweep_frames


def elements(taken):
    """Return the root of all of a figure that the page shows."""
    parts = "".join(part.svg for part in (*taken.entries, *taken.panels))
    return ET.fromstring(f"<div>{taken.shared}{parts}</div>")


def taken(frames, name):
    figure = plots.choices()[name].draw(frames, "width", "matching")
    return None if figure is None else hover_svg(figure, figure_svg, name)


def tips(root):
    return [element.get(TIP) for element in root.iter() if element.get(TIP)]


def test_every_mean_says_its_interval_and_seeds_and_every_pair_its_seed_and_the_mean_that_it_is_in(frames):
    root = elements(taken(frames, "barrier_vs_width"))
    (mean,) = {
        tip
        for tip in tips(root)
        if "=16, " not in tip and "width=16" in tip and "lr=0.5" in tip and "weights" in tip and "loss" in tip and "networks" not in tip
    }
    row = frames["barrier_vs_width"].query("metric == 'loss_barrier' and split == 'test' and width == 16 and matching == 'weights'")
    (row,) = row[row["optimizer.lr"] == 0.5].to_dict("records")
    interval = f"{row['mean']:.4g} [{row['ci_low']:.4g}, {row['ci_high']:.4g}]"
    assert mean.splitlines()[1:] == [f"test loss barrier [nats]: {interval}", f"interval: {row['interval']}", "2 pairs, seeds 0, 1"]
    of_pairs = [tip for tip in tips(root) if "networks" in tip]
    assert len(of_pairs) == 2 * 2 * 2 * 2 * 2  # rates, metrics, methods, widths, seeds
    assert all(re.search(r"\nseed [01], .*\nmean of test (loss|error) barrier.* \[.*\]$", tip, re.DOTALL) for tip in of_pairs)
    assert len(tips(root)) - len(of_pairs) == 2 * 2 * 2 * 2 * 2  # a marker and a bar for each mean


@pytest.fixture
def rich_frames(write_sweep):
    """Return the frames of a sweep over widths that every figure shows: four methods, two repairs, training curves, planes."""
    records = []
    for width, seed in product((8, 16), (0, 1)):
        record = with_training(make_record(f"m{width}{seed}", width=width, seed=seed, barrier=(1 + seed) / width))
        for name in ("covariance", "rebasin"):
            for kind in ("runs", "curves", "layers"):
                record[kind] = [*record[kind], *(row | {"matching": name} for row in record[kind] if row["matching"] == "weights")]
            record["matching"] = [*record["matching"], record["matching"][1] | {"matching": name}]
        records.append(repaired(record, REPAIRS) | {"training": record["training"]})
    sweep = find_sweep(write_sweep(records))
    return sweep_frames(sweep) | {"planes": plane_frame(make_record("m80", width=8))}


@pytest.mark.parametrize("name", [name for name in plots.choices() if name != "heat_map"])
def test_every_mark_of_every_figure_says_what_it_is(rich_frames, name):
    check_marks(taken(rich_frames, name))


def test_every_cell_of_a_heat_map_says_what_it_is(frames):
    check_marks(taken(frames, "heat_map"))


def check_marks(picture):
    """Check that every mark has a tip with its seed."""
    root = elements(picture)
    groups = [group for group in root.iter() if "-marks" in group.get("id", "")]
    assert groups
    for group in groups:
        marks = [part for part in group.iter() if part.tag.endswith("}use")] or [
            part for part in group.iter() if part.tag.endswith("}path")
        ]
        assert all(mark.get(TIP) for mark in marks), group.get("id")
    assert all("seed" in tip for tip in tips(root))


def test_identifiers_of_several_figures_on_a_page_do_not_meet(frames):
    root = elements(taken(frames, "barrier_vs_width"))
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(name.startswith("barrier_vs_width-") for name in ids)
    links = {element.get("{http://www.w3.org/1999/xlink}href", "#").removeprefix("#") for element in root.iter()} - {""}
    assert links <= set(ids)


def test_values_that_look_like_references_are_left_as_they_are(write_sweep):
    odd = "x url(#a) href=#b id=c"
    records = [make_record(f"r{k}", width=8 * 2**k, barrier=0.1, **{"dataset.note": note}) for k, note in enumerate((odd, "plain"))]
    picture = taken(sweep_frames(find_sweep(write_sweep(records))), "barrier_vs_width")
    assert any(f"dataset.note={odd}" in panel.values.split("|") for panel in picture.panels)
    assert any(odd in tip for tip in tips(elements(picture)))


def test_a_marker_in_a_row_says_which_row_it_is_in(write_sweep):
    frames = sweep_frames(find_sweep(write_sweep([make_record("a", barrier=0.1, repairs=REPAIRS)])), ["runs", "barrier_vs_width"])
    shown = {tuple(tip.splitlines()[:2]) for tip in tips(elements(taken(frames, "methods_and_repairs"))) if "networks" not in tip}
    heights = {("none", "identity"): "1", ("none", "weights"): "0.1", ("reset", "identity"): "0.5", ("reset", "weights"): "0.05"}
    assert shown == {
        (f"matching={method}, repair={repair}", f"test loss barrier [nats]: {height}, no interval")
        for (repair, method), height in heights.items()
    }


def test_panels_and_marks_are_of_the_values_of_their_keys(frames):
    picture = taken(frames, "barrier_vs_width")
    assert [panel.name for panel in picture.panels] == ["optimizer.lr=0.05"] * 2 + ["optimizer.lr=0.5"] * 2
    for panel in picture.panels:
        assert panel.name in panel.values.split("|")
        for group in ET.fromstring(panel.svg).iter():
            for mark in group.iter() if "-marks" in group.get("id", "") else ():
                if mark.get(TIP):
                    names = mark.get(TIP).splitlines()[0].split(", ")
                    assert {*group.get(IS).split("|"), *mark.get(IS).split("|")} == {*names, "split=test"} - {panel.name}
    assert [(entry.name, entry.values) for entry in picture.entries] == [
        (method, f"matching={method}|split=test") for method in ("identity", "weights")
    ]


def test_every_panel_that_stands_alone_has_the_labels_that_it_shared(frames):
    figure = plots.choices()["interpolation_curves"].draw(frames, "width", "matching")
    assert "" in [ax.get_ylabel() for ax in figure.axes]
    hover_svg(figure, figure_svg, "x")
    assert {ax.get_ylabel() for ax in figure.axes} == {"test loss [nats]"}


def test_a_figure_of_a_users_own_stays_in_one_part_and_its_markers_say_their_coordinates():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    left.plot([1.0, 2.0, float("nan")], [0.5, 0.25, 0.1], "o-", label="mine")
    left.set(xlabel="x [m]", ylabel="y")
    right.plot([0.0, 1.0], [0.0, 1.0])
    right.set_facecolor("#ffeeee")
    picture = hover_svg(figure, figure_svg, "own")
    assert [ax.patch.get_visible() for ax in (left, right)] == [False, True]  # letters are pale in the dark: on no white paper
    assert len(picture.panels) == 1
    assert tips(elements(picture)) == ["mine\nx: 1\ny: 0.5", "mine\nx: 2\ny: 0.25"]
