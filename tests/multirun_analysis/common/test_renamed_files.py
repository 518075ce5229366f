"""Files written beside their place and renamed: a reader meets the old one or the new one, and a link keeps what it leads to."""

import pytest

from multirun_analysis.common.renamed_files import write_renamed


def test_the_file_is_new_as_a_whole_and_nothing_lies_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(temporary):
        assert temporary.name == path.name  # writers look at its ending
        temporary.write_text("new")
        assert path.read_text() == "old"

    write_renamed(path, write)
    assert path.read_text() == "new"
    assert [other.name for other in tmp_path.iterdir()] == ["a.txt"]


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("half of")
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="^of its own$"):
        write_renamed(path, write)
    assert path.read_text() == "old"
    assert [other.name for other in tmp_path.iterdir()] == ["a.txt"]


def test_a_link_is_replaced_and_what_it_leads_to_is_not_written(tmp_path):
    (tmp_path / "target").write_text("somebody's")
    (tmp_path / "a.txt").symlink_to(tmp_path / "target")
    write_renamed(tmp_path / "a.txt", lambda temporary: temporary.write_text("new"))
    assert (tmp_path / "target").read_text() == "somebody's"
    assert not (tmp_path / "a.txt").is_symlink()
