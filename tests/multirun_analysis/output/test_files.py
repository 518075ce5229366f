"""Files as they are written: whatever stands in their place is replaced or said, and names of any locale come out as UTF-8."""

import pandas as pd
import pytest
from analysis_sweeps import make_record
from odd_files import KINDS, put

from multirun_analysis.output.files import copy_table, write_csv, write_text
from multirun_analysis.report.report import write_report

pytestmark = pytest.mark.usefixtures("a_hang_is_a_failure")
TABLES = ["runs", "curves", "barrier_vs_width"]
NAMES = ["runs.csv", "curves.csv", "barrier_vs_width.md"]


def test_a_name_that_the_locale_could_not_read_is_written_as_the_bytes_that_it_is(tmp_path):
    write_text("ü".encode().decode("ascii", "surrogateescape"), tmp_path / "page.html")  # as Python reads it under LC_ALL=C
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "ü"


def test_half_a_letter_is_written_as_its_escape(tmp_path):
    write_text("a\ud83d", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == rb"a\ud83d"


def test_equal_frames_are_equal_bytes_in_folders_that_are_made(tmp_path):
    frame = pd.DataFrame({"a": [0.1, 1 / 3], "b": ["x", None]})
    paths = [tmp_path / "new" / "folder" / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        write_csv(frame, path)
    assert paths[0].read_bytes() == paths[1].read_bytes() == b"a,b\n0.1,x\n0.3333333333,\n"


@pytest.mark.parametrize(("name", "other"), [("a.csv", "a.csv.gz"), ("a.csv.gz", "a.csv")])
def test_a_table_is_copied_in_place_of_its_other_form_and_never_onto_itself(tmp_path, name, other):
    out = tmp_path / "out"
    out.mkdir()
    for path in (tmp_path / name, tmp_path / other, out / other):
        path.write_bytes(path.name.encode())
    copy_table(tmp_path / name, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {name: name.encode()}
    copy_table(tmp_path / name, tmp_path)
    assert (tmp_path / name).read_bytes() == name.encode()
    assert (tmp_path / other).exists()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_what_stands_where_a_table_goes_is_replaced(write_sweep, kind):
    folder = write_sweep([make_record("a")])
    paths = [folder / "analysis" / name for name in NAMES]
    for path in paths:
        put(kind, path)
    write_report([folder], only=TABLES)
    assert all(path.is_file() and not path.is_symlink() for path in paths)


def test_a_folder_where_a_table_goes_is_said(write_sweep):
    folder = write_sweep([make_record("a")])
    for name in NAMES:
        put("folder", folder / "analysis" / name)
        with pytest.raises(OSError, match=name):
            write_report([folder], only=TABLES)
        (folder / "analysis" / name).rmdir()


@pytest.mark.parametrize("kind", [*(kind for kind in KINDS if kind != "folder"), "file"])
def test_a_folder_for_tables_that_is_none_is_said(tmp_path, kind):
    if kind == "file":
        (tmp_path / "analysis").write_text("")
    else:
        put(kind, tmp_path / "analysis")
    with pytest.raises(OSError, match=r"analysis' must be a folder to write runs\.csv into, and is none"):
        write_csv(pd.DataFrame({"a": [1]}), tmp_path / "analysis" / "runs.csv")
