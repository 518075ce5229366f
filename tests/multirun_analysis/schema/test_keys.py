"""Names: whatever digits a digest has, no table takes it for a number, and all other names stay as they are."""

import csv
import gzip
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirun_analysis.schema import safe_name

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("run_id", "network_a", "network_b", "settings_hash")
LENGTHS = st.sampled_from([8, 16])
DIGESTS = LENGTHS.flatmap(lambda n: st.text("0123456789abcdef", min_size=n, max_size=n))
LIKE_NUMBERS = st.builds(
    lambda length, whole, exponent, tail: f"{whole}e{exponent}{tail}"[:length],
    LENGTHS,
    st.integers(0, 99999),
    st.integers(0, 9),
    st.text("0123456789abcdef", min_size=16, max_size=16),
) | LENGTHS.flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n))


@given(st.lists(DIGESTS | LIKE_NUMBERS, min_size=1, max_size=20))
def test_a_name_comes_back_from_a_csv_as_it_was(digests):
    names = [safe_name(digest) for digest in digests]
    for engine in ("c", "python"):
        frame = pd.read_csv(io.StringIO(pd.DataFrame({"name": names}).to_csv(index=False)), engine=engine)
        assert frame["name"].tolist() == names
    assert pd.to_numeric(pd.Series(names), errors="coerce").isna().all()
    assert len(set(names)) == len(set(digests))


@pytest.mark.parametrize(
    ("digest", "name"),
    [
        ("8250e2414376239c", "x8250e2414376239c"),  # the end of the process in pandas 2.3
        ("1234567890123456", "x1234567890123456"),
        ("0000000000000000", "x0000000000000000"),
        ("12345e78", "x12345e78"),
        ("00000000", "x00000000"),
        ("1e0abcdefabcdef0", "x1e0abcdefabcdef0"),
        ("f9ca4966af21aeb2", "f9ca4966af21aeb2"),
        ("e123456789012345", "e123456789012345"),
        ("1ea3456789012345", "1ea3456789012345"),
        ("123456789012345a", "123456789012345a"),
        ("123456789012345e", "123456789012345e"),
        ("x8250e2414376239c", "x8250e2414376239c"),  # it is safe already
    ],
)
def test_a_name_stands_behind_a_letter_only_where_it_could_be_a_number(digest, name):
    assert safe_name(digest) == name


@pytest.mark.parametrize("study", sorted(path.name for path in (ROOT / "results").iterdir()))
def test_no_name_in_the_committed_results_could_be_a_number(study):
    names = set()
    for path in sorted((ROOT / "results" / study).glob("*.csv*")):
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as stream:
            rows = csv.DictReader(stream)
            columns = [name for name in rows.fieldnames or () if name in NAMES]
            names |= {row[name] for row in rows for name in columns} if columns else set()
    assert names
    assert {safe_name(name) for name in names} == names


def test_no_name_in_the_documents_could_be_a_number():
    documents = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("results/*/*.md"), *ROOT.glob("examples/**/*")]
    texts = [path.read_text(encoding="utf-8") for path in documents if path.suffix in (".md", ".py")]
    names = {name for text in texts for name in re.findall(r"\b[0-9a-f]{16}\b", text)}
    assert {safe_name(name) for name in names} == names
