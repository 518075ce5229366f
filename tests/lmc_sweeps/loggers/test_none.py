"""`none`: nothing is written."""

from logged_records import example

from lmc_sweeps.loggers.none import NoLogger


def test_nothing_is_logged(tmp_path):
    NoLogger().check()
    assert NoLogger().log([example()], tmp_path) == 0
    assert list(tmp_path.iterdir()) == []
