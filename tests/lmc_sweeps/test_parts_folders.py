"""Mistakes in the layout of a folder of parts: one sentence that names what was meant, before anything is imported or computed."""

import re
import sys
from pathlib import Path

import pytest
from parts_folders import DATASET, METHOD, MODEL, added, no_parts, refusal_of, write_parts

from lmc_sweeps import models
from lmc_sweeps.cli import main
from lmc_sweeps.sweeps.conf_folder import conf_dir
from multirun_analysis.common.registry import GROUPS, PARTS

KINDS = "datasets/, models/, matching/, transport/, repair/, loggers/, plots/, studies/, stats/, conf/"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("matchings/other.py", rf"/matchings' must be one of {KINDS}, got 'matchings/'\. Did you mean 'matching/'\?$"),
        ("model/other.py", rf"/model' must be one of {KINDS}, got 'model/'\. Did you mean 'models/'\?$"),
        ("plot/other.py", r"got 'plot/'\. Did you mean 'plots/'\?$"),
        ("config/model.yaml", r"got 'config/'\. Did you mean 'conf/'\?$"),
        ("conf/models/other.yaml", r"/conf/models' must be one of dataset/, experiment/, .*, got 'models/'\. Did you mean 'model/'\?$"),
        ("conf/matchings/other.yaml", r"got 'matchings/'\. Did you mean 'matching/'\?$"),
    ],
)
def test_a_folder_in_which_nothing_looks_is_refused_with_the_nearest_name(tmp_path: Path, name: str, sentence: str) -> None:
    assert re.search(sentence, refusal_of(write_parts(tmp_path, {name: ""})))


@pytest.mark.parametrize(
    "name", ["sweep/multirun.yaml", ".git/hook.py", "__pycache__/other.py", "notes/read.me", "tests/test_small.py", "scripts/make.py", "data/files.yaml", "conf/preset/other.yaml", "conf/hydra/launcher/mine.yaml"]
)  # fmt: skip
def test_what_is_no_part_may_lie_beside_parts(tmp_path: Path, name: str) -> None:
    with added(write_parts(tmp_path, {name: "# nothing\n"})):
        assert "small" in models.choices()


def test_the_groups_of_configs_are_those_of_ours() -> None:
    assert {path.name for path in conf_dir().iterdir() if path.is_dir()} == set(GROUPS)


@pytest.mark.parametrize(("kind", "group", "name"), [("models", "model", "small"), ("matching", "matching", "mine"), ("datasets", "dataset", "corners")])  # fmt: skip
def test_a_yaml_and_a_python_file_need_each_other(tmp_path: Path, kind: str, group: str, name: str) -> None:
    alone = refusal_of(write_parts(tmp_path / "a", {f"{kind}/{name}.py": None}))
    assert alone.startswith(f"{tmp_path}/a/conf/{group}/{name}.yaml is of a {group} called {name!r}, and there is no {tmp_path}/a/{kind}/{name}.py. `name` must be")  # fmt: skip
    without = refusal_of(write_parts(tmp_path / "b", {f"conf/{group}/{name}.yaml": None}))
    assert f"the {group} {name!r} in '{tmp_path}/b' needs a config: write {tmp_path}/b/conf/{group}/{name}.yaml" in without


@pytest.mark.parametrize(("file", "text"), [("models/small.py", MODEL), ("matching/mine.py", METHOD), ("datasets/corners.py", DATASET)])
def test_a_python_file_whose_class_has_no_name_is_named_beside_its_yaml(tmp_path: Path, file: str, text: str) -> None:
    lines = "".join(line for line in text.splitlines(keepends=True) if "name:" not in line)
    message = refusal_of(write_parts(tmp_path, {file: lines + "    pass\n" * (file[:2] == "ma")}))
    assert f"and {tmp_path / file} defines no class with `name: ClassVar[str] = '{Path(file).stem}'`." in message


def test_a_relative_folder_that_is_not_there_is_named_with_the_folder_that_it_was_taken_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    end = f"there is no folder '{tmp_path}/mine'. 'mine' is taken from the folder in which the command runs, '{tmp_path}'."
    assert refusal_of("mine").endswith(end)
    assert refusal_of(tmp_path / "mine").endswith(f"there is no folder '{tmp_path}/mine'.")
    monkeypatch.setattr(sys, "argv", ["lmc-sweeps", "width=4", "plan=true"])
    monkeypatch.setenv(PARTS, "mine")
    with pytest.raises(SystemExit, match=re.escape(end)):
        main()


@pytest.mark.parametrize("folder", [3, None])
def test_what_is_no_path_is_no_folder(folder: object) -> None:
    assert refusal_of(folder) == f"`folder` of `add_parts` must be the path of a folder, got {folder!r}."  # type: ignore[arg-type]


def test_a_command_with_parts_of_its_own_knows_them_and_ends_with_the_sentence_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lmc-sweeps", "model=small", "width=4", "plan=true"])
    with no_parts():
        main(parts=write_parts(tmp_path / "a"))
        assert "nothing was trained" in capsys.readouterr().out
    with no_parts(), pytest.raises(SystemExit) as end:
        main(parts=write_parts(tmp_path / "b", {"models/small.py": "1 / 0\n"}))
    assert re.fullmatch(
        r".*/models/small\.py cannot be imported: line 1, '1 / 0': ZeroDivisionError: division by zero\.", str(end.value.code)
    )
    assert "Traceback" not in capsys.readouterr().err
