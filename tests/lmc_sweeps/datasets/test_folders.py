"""Folders of a dataset below the one that a user names: in which order they are looked into, and what is no folder."""

import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.folders import folders_below, listed


def test_the_folders_called_like_the_dataset_come_first_and_each_once(tmp_path):
    folders = folders_below(str(tmp_path), "files", ["Tiny", "tiny", "Tiny"], ["raw", ""])
    assert folders == [tmp_path / part for part in ("Tiny/raw", "Tiny", "tiny/raw", "tiny", "raw", ".")]
    assert listed(folders[:2]) == f"{tmp_path}/Tiny/raw, {tmp_path}/Tiny"


def test_a_root_may_begin_with_a_tilde_and_must_be_a_folder_that_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders_below("~", "files", []) == [tmp_path]
    (tmp_path / "file").touch()
    for root, message in {
        "": "^`dataset.root` must be a folder that holds files, got '', which is not a folder.$",
        "a\0b": r"got 'a\\x00b', which is not a folder",
        "x" * 5000: "which is not a folder",
        "~/nowhere": "got '~/nowhere', which is not a folder",
        "~/file": "got '~/file', which is a file: name the folder that it lies in",
        "~nobody_of_this_name": "must be a path whose home folder can be told, got '~nobody_of_this_name'",
    }.items():
        with pytest.raises(InputError, match=message):
            folders_below(root, "files", [])
