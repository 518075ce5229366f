"""Intervals over pairs and test examples of whole frames: which cells have one, which not and why, and that they are of their own rows."""

import numpy as np
import pandas as pd
import pytest

from multirun_analysis.schema import TEST_BLOCKS, packed_blocks
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.stats.intervals import job_means_t, network_jackknife, student_t
from multirun_analysis.stats.positive import log_jackknife, log_t_of_rows
from multirun_analysis.stats.shared_examples import shared_examples
from multirun_analysis.stats.summary import ONE_VALUE, summarise_all
from multirun_analysis.stats.two_way import BOOTSTRAP, COLUMNS, DIFFERENT, ONE_BLOCK, SOME, two_way_all

B = 12
ITEMS = 3.0 + np.arange(B) % 2
MEASURES = ["loss_barrier", "loss_midpoint_barrier"]
LOW, HIGH, KIND = COLUMNS


def rows_of(width: int, pairs: list[tuple[str, str]], seed: int = 0, items: np.ndarray = ITEMS) -> list[dict]:
    """Return a row for each pair, whose measures are the means of its test blocks."""
    rng, rows = np.random.default_rng([seed, width]), []
    effects = 0.3 * rng.normal(size=(4, len(items)))
    for a, b in pairs:
        blocks = np.stack([items, *(1 + 0.05 * rng.normal() + effects + 0.05 * rng.normal(size=effects.shape))]).astype(np.float32)
        values = blocks[1:].astype(float) @ items / items.sum()
        rows.append(
            {"width": width, "network_a": a, "network_b": b, "loss_barrier": values[0], "loss_midpoint_barrier": values[1]}
            | {TEST_BLOCKS: packed_blocks(blocks), "blocks": blocks.astype(float)}
        )
    return rows


def apart(n: int) -> list[tuple[str, str]]:
    return [(f"a{k}", f"b{k}") for k in range(n)]


def two_way(rows: list[dict], values=MEASURES, choice=IntervalChoice()) -> pd.DataFrame:  # noqa: B008
    frame = pd.DataFrame(rows)
    table = summarise_all(frame, ["width"], values, choice).join(two_way_all(frame, ["width"], values, frame[TEST_BLOCKS], choice))
    return table.set_index(["metric", "width"])


def examples_of(rows: list[dict], measure: int):
    return shared_examples(np.stack([row["blocks"][measure] for row in rows])[None], rows[0]["blocks"][None, 0])


def test_every_cell_has_the_interval_of_its_own_rows_whatever_their_order():
    cells = {8: rows_of(8, apart(4)), 16: rows_of(16, apart(5)), 32: rows_of(32, apart(4), items=ITEMS[:7])}
    rows = [row for of_cell in cells.values() for row in of_cell]
    mixed = [rows[k] for k in np.random.default_rng(0).permutation(len(rows))]
    table = two_way(mixed)
    for width, of_cell in cells.items():
        values = np.array([[row["loss_barrier"] for row in of_cell]])
        low, high, _ = log_t_of_rows(values, examples=examples_of(of_cell, 1))
        cell = table.loc[("loss_barrier", width)]
        assert (cell[LOW], cell[HIGH]) == pytest.approx((low[0], high[0]))
        assert cell[KIND] == "log-scale t over pairs and test examples, 95%"
        assert cell[LOW] < cell["ci_low"] < cell["ci_high"] < cell[HIGH]
        signed = table.loc[("loss_midpoint_barrier", width)]
        assert signed[KIND] == "Student's t over pairs and test examples, 95%"
        assert signed[LOW] < student_t([row["loss_midpoint_barrier"] for row in of_cell])[0]
        assert (signed[LOW] + signed[HIGH]) / 2 == pytest.approx(signed["mean"])


def test_level_and_students_t_are_those_asked_for():
    rows = rows_of(8, apart(4))
    narrow, wide = (two_way(rows, choice=IntervalChoice(level=level)).loc[("loss_barrier", 8)] for level in (0.5, 0.99))
    assert wide[LOW] < narrow[LOW] < narrow[HIGH] < wide[HIGH]
    assert two_way(rows, choice=IntervalChoice("t")).loc[("loss_barrier", 8)][KIND] == "Student's t over pairs and test examples, 95%"


@pytest.mark.parametrize("jobs", [1, 4])
def test_where_pairs_share_networks_the_examples_are_added_to_the_variance_over_networks(jobs):
    pairs = [(f"{job}{i}", f"{job}{j}") for job in range(jobs) for i in range(4) for j in range(i + 1, 4)]
    rows = rows_of(8, pairs)
    table = two_way(rows)
    names = [row["network_a"] for row in rows], [row["network_b"] for row in rows]
    cell = table.loc[("loss_midpoint_barrier", 8)]
    values = [row["loss_midpoint_barrier"] for row in rows]
    interval = (network_jackknife if jobs == 1 else job_means_t)(values, *names, examples=examples_of(rows, 2))
    assert (cell[LOW], cell[HIGH]) == pytest.approx(interval)
    assert cell[KIND] == f"{'delete-one-network jackknife' if jobs == 1 else 'Student' + chr(39) + 's t over jobs'} and test examples, 95%"
    assert cell[LOW] < cell["ci_low"] < cell["ci_high"] < cell[HIGH]
    if jobs == 1:
        low, high, _ = log_jackknife([row["loss_barrier"] for row in rows], *names, examples=examples_of(rows, 1))
        assert tuple(table.loc[("loss_barrier", 8)][[LOW, HIGH]]) == pytest.approx((low, high))


def test_a_cell_without_an_interval_over_both_says_why_and_without_blocks_says_nothing():
    without = [{**row, TEST_BLOCKS: None} for row in rows_of(2, apart(4))]
    some = rows_of(4, apart(4))
    some[1] = {**some[1], TEST_BLOCKS: None}
    broken = rows_of(6, apart(4))
    empty = broken[0]["blocks"].copy()
    empty[1, 3] = np.nan
    broken[0] = {**broken[0], TEST_BLOCKS: packed_blocks(empty)}
    different = [*rows_of(8, apart(2)), *rows_of(8, [("c", "d")], items=ITEMS + 1)]
    one, block = rows_of(16, apart(1)), rows_of(32, apart(3), items=np.array([7.0]))
    table = two_way([*without, *some, *broken, *different, *one, *block]).loc["loss_barrier"]
    assert table[KIND].to_dict() == {2: "", 4: SOME, 6: SOME, 8: DIFFERENT, 16: ONE_VALUE, 32: ONE_BLOCK}
    assert table[[LOW, HIGH]].isna().all(axis=None)
    assert (two_way(rows_of(8, apart(25)), choice=IntervalChoice("bca", resamples=200))[KIND] == BOOTSTRAP).all()


def test_measures_that_have_no_blocks_and_frames_without_any_have_empty_columns():
    rows = [{**row, "loss_midpoint": 1.0} for row in rows_of(8, apart(4))]
    assert two_way(rows, ["loss_midpoint"])[[LOW, HIGH]].isna().all(axis=None)
    frame = pd.DataFrame(rows)
    assert (two_way_all(frame, ["width"], MEASURES, None)[KIND] == "").all()
    assert (two_way_all(frame, ["width"], MEASURES, frame[TEST_BLOCKS].iloc[:0])[KIND] == "").all()


def test_pairs_that_drew_their_own_examples_gain_next_to_nothing():
    """Their blocks are not crossed: what examples do is in the spread over pairs already."""
    rows = [rows_of(8, [(f"a{k}", f"b{k}")], seed=k)[0] for k in range(40)]
    cell = two_way(rows).loc[("loss_midpoint_barrier", 8)]
    assert 1 <= (cell[HIGH] - cell[LOW]) / (cell["ci_high"] - cell["ci_low"]) < 1.2
