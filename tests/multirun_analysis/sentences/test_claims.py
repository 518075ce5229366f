"""How numbers are read from a page, and that a wrong digit, a missing passage and a number without a claim are seen."""

import pandas as pd
import pytest
from claims import GIVEN, Claim, Near, Page, Tables, agrees, numbers


def test_numbers_are_those_that_a_reader_takes_for_data() -> None:
    text = "From 4 to 1,024 neurons m^−1.04 [−1.13, −0.96], 2.0×10, +0.0008; `lr=0.1` [page](a1.md) v2 3x512 $a_1 =\n 2/d$ 0.25, $$7^8$$."
    assert numbers(text) == ["4", "1,024", "−1.04", "−1.13", "−0.96", "2.0", "10", "+0.0008", "0.25"]


@pytest.mark.parametrize(
    ("written", "value", "expected"),
    [
        ("0.006", 0.00604, True), ("0.006", 0.0066, False), ("1,024", 1024.0, True), ("−0.5", -0.549, True), ("−0.5", 0.5, False),
        ("60", Near(59.0), True), ("70", Near(59.0), False), ("7", GIVEN, True), ("0.0", 0.04, True), ("2", 2.5, True),
    ],
)  # fmt: skip
def test_a_number_is_its_value_rounded_to_the_places_that_are_written(written: str, value: object, expected: bool) -> None:
    assert agrees(written, value) is expected


def test_numbers_without_a_claim_are_listed(tmp_path) -> None:
    (tmp_path / "page.md").write_text("# A 7\n\nFalls from 3\nto 2 (`x=9`), in theorem 3.1.\n\n```\n55\n```\n")
    claims = [Claim("Falls from 3 to 2", lambda table: [3.0, 2.0])]
    page = Page(str(tmp_path / "page.md"), "results", claims, names=["theorem 3.1"])
    assert len(page.uncovered()) == 1
    assert "A 7" in page.uncovered()[0]


def test_a_section_ends_at_the_next_heading(tmp_path) -> None:
    (tmp_path / "page.md").write_text("# A\n\n3 before.\n\n## Studies\n\n4 within.\n\n### Part 5\n\n## Next\n\n6 after.\n")
    page = Page(str(tmp_path / "page.md"), "results", [Claim("4 within", lambda table: [4.0])], section="Studies")
    assert numbers(page.text()) == ["4", "5"]
    assert len(page.uncovered()) == 1
    with pytest.raises(AssertionError, match="no section Results"):
        Page(page.path, "results", [], section="Results").text()


def test_a_table_without_such_a_row_is_an_error(tmp_path) -> None:
    pd.DataFrame({"width": [4, 8, 8], "mean": [1.0, 2.0, 3.0]}).to_csv(tmp_path / "rows.csv.gz", index=False)
    table = Tables(tmp_path)
    assert table.value("rows", "mean", "width == 4") == 1.0
    with pytest.raises(AssertionError, match="no row has width == 5"):
        table.value("rows", "mean", "width == 5")
    with pytest.raises(AssertionError, match="2 values of mean have width == 8"):
        table.value("rows", "mean", "width == 8")
