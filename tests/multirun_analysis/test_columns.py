"""The page of columns."""

from pathlib import Path

from multirun_analysis import schema
from multirun_analysis.columns import markdown


def test_the_page_of_columns_is_that_of_the_schema():
    page = Path(__file__).parents[2] / "docs" / "columns.md"
    assert page.read_text() == markdown(), "run: python -m multirun_analysis.columns > docs/columns.md"
    for name in schema.files():
        assert f"## {name}" in markdown()
