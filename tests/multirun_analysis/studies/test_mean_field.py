"""The mean-field study: when it is accepted, and the slopes of its gaps."""

import pytest
from study_rows import mean_field_frames

from multirun_analysis.studies.mean_field import WHOLE, acceptance, claim, gap_slopes


def test_mean_field_is_accepted_if_wide_networks_train_alike():
    table = acceptance(mean_field_frames()).set_index("quantity")
    assert table["widths"].tolist() == ["64 256"] * 2  # width 16 does not count
    assert table.loc["test_loss", "max"] == pytest.approx(0.31)
    assert table["passes"].all()
    assert acceptance(mean_field_frames(1.19))["passes"].tolist() == [True, True]
    assert acceptance(mean_field_frames(1.21))["passes"].tolist() == [True, False]


def test_the_gap_of_whole_neurons_has_its_slope_and_its_certificate_a_line():
    table = gap_slopes(mean_field_frames()).set_index(["matching", "metric"])
    assert table.loc[(WHOLE, "output_gap"), "slope"] == pytest.approx(-0.5)
    assert table.loc[("weights", "output_gap"), "slope"] == pytest.approx(0.0, abs=1e-12)
    labels = [line.get_label() for line in claim(mean_field_frames()).axes[0].get_lines()]
    assert labels == ["identity", "weights", "weights: certificate", WHOLE, f"{WHOLE}: certificate"]
