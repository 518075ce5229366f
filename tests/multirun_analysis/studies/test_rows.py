"""The rows that a study is about."""

import pandas as pd

from multirun_analysis.studies.rows import measured


def test_rows_have_every_value_that_is_named_and_their_jobs_did_not_diverge():
    frame = pd.DataFrame(
        {"status": ["ok", "diverged", "ok", "ok"], "split": ["test", "test", "train", "test"], "width": [8, 8, 8, 16]}, index=[5, 6, 7, 8]
    )
    assert measured(frame).index.tolist() == [5, 7, 8]
    assert measured(frame, split="test").index.tolist() == [5, 8]
    assert measured(frame, split="test", width=16).index.tolist() == [8]
    assert list(measured(frame, width=32).columns) == list(frame.columns)
