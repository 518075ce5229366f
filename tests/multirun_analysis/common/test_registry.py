"""Modules that are found because their file is there: those of a package, and those in a folder of a user's own."""

import os
import re
from pathlib import Path

import pytest

from multirun_analysis import studies
from multirun_analysis.checks import InputError
from multirun_analysis.common.registry import (
    PACKAGES,
    PARTS,
    check_folders,
    conf_folders,
    extend_packages,
    folders_of_parts,
    modules,
    n_forgotten,
)

PACKAGE = "multirun_analysis.studies"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Yield an empty folder of studies; what is imported from it is forgotten afterwards."""
    (tmp_path / "studies").mkdir()
    monkeypatch.setenv(PARTS, str(tmp_path))
    yield tmp_path
    os.environ[PARTS] = ""
    extend_packages()


def refusal() -> str:
    with pytest.raises(InputError) as error:
        modules(PACKAGE, InputError)
    return str(error.value)


def test_folders_are_absolute_and_each_stands_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "conf").mkdir(parents=True)
    monkeypatch.setenv(PARTS, os.pathsep.join(["a", "", "~/a", str(tmp_path / "b"), "b/../a"]))
    assert folders_of_parts() == (tmp_path / "a", tmp_path / "b")
    assert conf_folders() == [tmp_path / "a" / "conf"]
    monkeypatch.delenv(PARTS)
    assert folders_of_parts() == ()


def test_the_modules_of_a_package_are_the_files_in_its_folder():
    names = {path.stem for path in Path(studies.__file__).parent.glob("*.py")} - {"__init__"}
    assert list(modules(PACKAGE)) == sorted(names)


def test_a_module_of_a_users_is_one_of_the_package_while_the_environment_names_its_folder(folder):
    names = set(modules(PACKAGE))
    (folder / "studies" / "of_mine.py").write_text("VALUE = 1\n")
    extend_packages()
    module = modules(PACKAGE)["of_mine"]
    assert (module.__name__, module.VALUE, module) == (f"{PACKAGE}.of_mine", 1, studies.of_mine)
    before = n_forgotten()
    os.environ[PARTS] = ""
    assert set(modules(PACKAGE)) == names
    assert n_forgotten() == before + 1
    assert not hasattr(studies, "of_mine")


def test_a_folder_without_parts_is_refused(tmp_path, monkeypatch):
    rule = f"`{PARTS}` and `add_parts` take a folder with at least one of {', '.join(f'{name}/' for name in PACKAGES)} in it"
    for name, reason in (("nowhere", f"there is no folder {str(tmp_path / 'nowhere')!r}"), ("", f"{str(tmp_path)!r} has nothing")):
        monkeypatch.setenv(PARTS, str(tmp_path / name))
        with pytest.raises(InputError, match=f"^{re.escape(f'{rule}; {reason}.')}$"):
            check_folders(InputError)


@pytest.mark.parametrize("name", ["base", "choices"])  # a module of the package, and a function of it
def test_a_name_that_is_taken_is_refused(folder, name):
    (folder / "studies" / f"{name}.py").write_text("")
    assert refusal().startswith(f"{folder / 'studies' / name}.py cannot be a part: {PACKAGE} has a {name!r} already, in ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1\ny = x / 0\n", ": line 2, 'y = x / 0': ZeroDivisionError: division by zero."),
        ("x = 1\n\ndef\n", ": line 3: SyntaxError: "),
        ("raise SystemExit(3)\n", ": line 1, 'raise SystemExit(3)': SystemExit: 3."),
    ],
)
def test_a_file_that_cannot_be_imported_is_said_with_its_line(folder, text, reason):
    (folder / "studies" / "broken_of_mine.py").write_text(text)
    assert refusal().startswith(f"{folder / 'studies' / 'broken_of_mine.py'} cannot be imported{reason}")
