"""The names of tables: each once, and those that are not always written among them."""

from multirun_analysis.tables.names import TABLES, WHERE_MEASURED


def test_names_are_there_once_and_could_be_those_of_files():
    assert len(set(TABLES)) == len(TABLES)
    assert all(name.isidentifier() and name.islower() for name in TABLES)


def test_those_that_are_written_where_they_have_rows_are_among_them():
    assert set(WHERE_MEASURED) < set(TABLES)
