"""Certificates by status."""

import pytest
from study_rows import mean_field_frames

from multirun_analysis.tables.certificates import certificates


def test_certificates_are_counted_by_status():
    runs = mean_field_frames()["runs"]
    runs.loc[0, "certificate_status"] = "violated"
    runs.loc[1, "certificate_status"] = "vacuous"
    table = certificates(runs, ("matching",)).set_index("matching")
    assert table.loc["identity", ["n_pairs", "holds", "vacuous", "violated", "none"]].tolist() == [12, 11, 0, 1, 0]
    assert table["ratio_min"].min() == pytest.approx(10 / 1.03)
