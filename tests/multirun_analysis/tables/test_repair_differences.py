"""Differences between repairs on the same pairs."""

import numpy as np
from repaired_sweeps import repaired_record

from multirun_analysis import load_runs
from multirun_analysis.stats.intervals import student_t
from multirun_analysis.tables.repair_differences import repair_differences


def test_a_repair_is_compared_with_none_for_each_method(write_sweep):
    runs = load_runs(write_sweep([repaired_record(f"r{k}", seed=k, barrier=0.1 * (k + 1)) for k in range(3)]))
    table = repair_differences(runs)
    assert set(zip(table["repair"], table["other"], strict=True)) == {("mend", "none")}
    row = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["matching"] == "weights")].iloc[0]
    barriers = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], student_t(-0.5 * barriers))
    assert (row["n_pairs"], row["better"], row["n_comparisons"]) == (3, "undecided" if row["ci_high"] > 0 else "mend", 1)
    assert set(table["matching"]) == {"identity", "weights"}
