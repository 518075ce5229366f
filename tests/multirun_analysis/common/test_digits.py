"""Numbers as people read them: two figures of whatever is not zero, zero only for zero, aligned where they can be."""

import math

import pytest
from analysis_sweeps import make_record
from hypothesis import given
from hypothesis import strategies as st

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.common.digits import decimals, number
from multirun_analysis.report.report import write_report
from multirun_analysis.tables.pivots import Value, pivot, pivot_latex, pivot_markdown, pivot_text


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ([0.8681, 0.0056, 0.0028], ["0.8681", "0.0056", "0.0028"]),
        ([0.12, 4e-5], ["0.120000", "0.000040"]),
        ([0.12, 0.00123], ["0.1200", "0.0012"]),
        ([0.12, 0.00055], ["0.12000", "0.00055"]),
        ([0.12, 3.21e-9], ["0.1200", "3.2e-09"]),
        ([0.0, -0.0, 0.5], ["0", "0", "0.5000"]),
        ([-4e-5], ["-0.000040"]),
        ([123456.7, 1234567.8, 1e308], ["123456.7000", "1.235e+06", "1.000e+308"]),
        ([math.nan, math.inf], ["-", "inf"]),
        ([0.00099999], ["0.0010"]),
    ],
)
def test_a_column_has_as_many_decimals_as_its_smallest_number_needs(column, shown):
    places = decimals(column)
    assert [number(value, places) for value in column] == shown


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=5))
def test_what_is_shown_is_within_two_figures_of_the_value_and_zero_only_if_it_is_zero(column):
    places = decimals(column)
    for value in column:
        shown = number(value, places)
        assert (shown == "0") == (value == 0)
        assert float(shown) == pytest.approx(value, rel=0.05, abs=0.0)
        assert len(shown) <= 16


@pytest.mark.parametrize(("mean", "half"), [(4e-5, 1e-5), (0.5, 4e-5), (4e-5, 0.0), (3e-12, 2e-12)])
def test_a_small_value_or_interval_is_not_shown_as_zero_in_any_medium(write_sweep, mean, half):
    records = [make_record(f"r{k}", seed=k, barrier=mean + sign * half / 12.7062047) for k, sign in enumerate((-1, 1))]
    runs = load_runs(write_sweep(records))
    table = barrier_vs_width(runs)
    for text in (pivot_text, pivot_markdown, pivot_latex):
        shown = text(pivot(table, runs))
        assert "0.0000" not in shown.replace("|", " ").replace("*", " ").replace("{", " ").replace("}", " ").split()
    _, value = pivot(table, runs)[0].rows[0][3]  # of weights
    mean_text, _, half_text = value.text("±").partition(" ± ")
    assert float(mean_text) == pytest.approx(mean, rel=0.05)
    assert float(half_text) == pytest.approx(half, rel=0.05)


def test_rounding_of_equal_values_is_no_interval(write_sweep):
    runs = load_runs(write_sweep([make_record(f"r{k}", seed=k, barrier=0.1) for k in range(3)]))
    assert [value.text("±") for value in pivot(barrier_vs_width(runs), runs)[0].rows[0][3]] == ["1.0000 ± 0", "0.1000 ± 0"]


def test_a_mean_without_an_interval_stands_alone_and_no_mean_is_a_dash():
    assert [Value(0.5, math.nan).text("±"), Value(math.nan, math.nan).text("±"), Value(0.0, 0.0).text("±")] == ["0.5000", "-", "0 ± 0"]


@pytest.mark.usefixtures("no_figures")
def test_a_small_barrier_is_seen_on_the_page_and_at_ends(write_sweep):
    record = make_record("r", barrier=4e-5)
    for row in record["runs"]:
        row["error_a"] = row["error_b"] = 4e-5
    report = write_report([write_sweep([record])])
    html = (report.folder / "report.html").read_text()
    assert ">0.000040</td>" in html
    assert report.text.splitlines()[4].split() == ["8", "1/1", "0.000040", "0.00040", "0.000040"]
