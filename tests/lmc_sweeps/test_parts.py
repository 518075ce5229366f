"""Folders of a user's own parts: choices like ours, and mistakes in them said before anything is computed."""

import importlib
import os
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typed import printed, refusal

import lmc_sweeps
from lmc_sweeps import datasets, matching, models, transport
from lmc_sweeps.common.checks import InputError
from multirun_analysis import plots, studies
from multirun_analysis.common.registry import PARTS, extend_packages

FILES = {
    "models/small.py": """
from dataclasses import dataclass
from typing import ClassVar
from lmc_sweeps.models.mlp import Mlp
@dataclass(frozen=True, kw_only=True)
class Small(Mlp):
    name: ClassVar[str] = "small"
    size: int = 3
""",
    "matching/halves.py": """
from dataclasses import dataclass
from typing import ClassVar
from lmc_sweeps.matching.identity import Identity
@dataclass(frozen=True, kw_only=True)
class Halves(Identity):
    name: ClassVar[str] = "halves"
""",
    "conf/matching/halves.yaml": "# @package matching.halves\nname: halves\n",
    "transport/twice.py": """
from typing import ClassVar
from lmc_sweeps.transport.assignment import Assignment
class Twice(Assignment):
    name: ClassVar[str] = "twice"
""",
    "plots/bars.py": "from multirun_analysis.plots.base import SweepFigure\nFIGURE = SweepFigure('t', 'c', lambda frames, x, hue: None, 99)\n",
    "studies/mine.py": "from multirun_analysis.stats.largest_of_mine import VALUE\nfrom multirun_analysis.studies.base import Study\nSTUDY = Study(needs=VALUE)\n",
    "stats/largest_of_mine.py": "VALUE = ('width',)\n",
}


def yaml_of(model: str) -> str:
    """Return the YAML of a model with every field and its default."""
    kind = models.choices()[model]()
    return "".join(
        f"{key}: {'null' if value is None else str(value).lower()}\n" for key, value in [("name", kind.name), *vars(kind).items()]
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder of parts; what was added and imported is taken away afterwards."""
    monkeypatch.setenv(PARTS, "")
    for name, text in FILES.items():
        write(tmp_path / "my parts", name, text)
    write(tmp_path / "my parts", "conf/model/small.yaml", f"{yaml_of('mlp').replace('name: mlp', 'name: small')}size: 3\n")
    yield tmp_path / "my parts"
    os.environ[PARTS] = ""
    extend_packages()


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def refusal_of(folder: Path) -> str:
    """Return the message on a folder that is refused, of which nothing stays."""
    before = os.environ[PARTS], list(models.__path__)
    with pytest.raises(InputError) as error:
        lmc_sweeps.add_parts(folder)
    assert (os.environ[PARTS], list(models.__path__)) == before
    assert [name for name, module in sys.modules.items() if str(getattr(module, "__file__", None)).startswith(f"{folder}{os.sep}")] == []
    return str(error.value)


def test_parts_are_choices_like_ours_and_modules_of_ours(folder: Path) -> None:
    choices = set(models.choices())
    lmc_sweeps.add_parts(folder)
    assert set(models.choices()) == choices | {"small"}
    assert {"halves", "weights"} <= set(matching.choices())
    assert {"twice", "emd"} <= set(transport.choices())
    assert "bars" in plots.choices()
    assert studies.choices()["mine"].needs == ("width",)
    assert type(models.choices()["small"]()).__module__ == "lmc_sweeps.models.small"
    assert pickle.loads(pickle.dumps(models.choices()["small"](size=4))).size == 4


def test_a_folder_twice_and_as_a_relative_path_is_the_same_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lmc_sweeps.add_parts(folder)
    monkeypatch.chdir(folder.parent)
    lmc_sweeps.add_parts("my parts")
    assert os.environ[PARTS] == str(folder)
    assert list(models.__path__).count(str(folder / "models")) == 1


def test_two_folders_may_be_added_and_the_environment_names_both(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "others", "models/large.py", FILES["models/small.py"].replace("Small", "Large").replace("small", "large"))
    write(tmp_path / "others", "conf/model/large.yaml", f"{yaml_of('mlp').replace('name: mlp', 'name: large')}size: 3\n")
    lmc_sweeps.add_parts(folder)
    lmc_sweeps.add_parts(tmp_path / "others")
    assert os.environ[PARTS].split(os.pathsep) == [str(folder), str(tmp_path / "others")]
    assert {"small", "large"} <= set(models.choices())


def test_after_a_refusal_another_folder_with_a_file_of_that_name_has_its_own_class(folder: Path, tmp_path: Path) -> None:
    config = (folder / "conf/model/small.yaml").read_text()
    write(tmp_path / "others", "models/small.py", FILES["models/small.py"].replace("size: int = 3", "size: int = 30"))
    write(tmp_path / "others", "conf/model/small.yaml", config.replace("size: 3", "size: 30"))
    (folder / "conf/model/small.yaml").unlink()
    assert "needs a config" in refusal_of(folder)
    lmc_sweeps.add_parts(tmp_path / "others")
    assert models.choices()["small"]().size == 30


def test_a_file_that_is_mended_after_a_refusal_is_read_again(folder: Path) -> None:
    config = (folder / "conf/model/small.yaml").read_text()
    (folder / "conf/model/small.yaml").unlink()
    refusal_of(folder)
    write(folder, "models/small.py", FILES["models/small.py"].replace("size: int = 3", "size: int = 300"))
    write(folder, "conf/model/small.yaml", config)
    lmc_sweeps.add_parts(folder)
    assert models.choices()["small"]().size == 300


def test_what_the_environment_no_longer_names_is_no_choice(folder: Path) -> None:
    lmc_sweeps.add_parts(folder)
    assert "small" in models.choices()
    os.environ[PARTS] = ""
    assert "small" not in models.choices()


def test_a_command_finds_the_folder_of_the_environment_and_its_configs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.environ[PARTS] = str(folder)
    write(folder, "conf/model/smaller.yaml", "name: small\nsize: 1\n")
    text = printed(capsys, "model=small", "matching=halves", "width=4", "plan=true")
    assert "nothing was trained" in text
    assert "size: 1" in printed(capsys, "model=smaller", "--cfg", "job")
    assert refusal(capsys, "model=smal", "width=4").startswith(
        "`model` must be one of cnn, gpt, mean_field, mlp, resnet20, small, smaller, vgg11, vgg16, vit, got 'smal'. Did you mean 'small'?"
    )
    os.environ[PARTS] = str(folder / "nowhere")
    assert f"there is no folder {str(folder / 'nowhere')!r}" in refusal(capsys, "width=4")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("models/mlp.py", "", r"/models/mlp\.py cannot be a part: lmc_sweeps\.models has a 'mlp' already, in .*; rename the file\. Taken are architecture, "),
        ("models/choices.py", "", r"models/choices\.py cannot be a part: lmc_sweeps\.models has a 'choices' already"),
        ("models/mine.py", FILES["models/small.py"].replace('"small"', '"mlp"'), r"models/mine\.py defines 'mlp', as lmc_sweeps\.models\.mlp does; names taken are cnn, gpt, mean_field, mlp, resnet, vgg, vit"),
        ("models/broken.py", "\nimport nothing_of_this_name\n", r"models/broken\.py cannot be imported: line 2, 'import nothing_of_this_name': ModuleNotFoundError: No module named 'nothing_of_this_name'\.$"),
        ("models/broken.py", "x = (\n", r"models/broken\.py cannot be imported: line 1: SyntaxError: "),
        ("models/broken.py", "raise SystemExit(3)\n", r"models/broken\.py cannot be imported: line 1, 'raise SystemExit\(3\)': SystemExit: 3"),
        ("plots/bars.py", "import nothing_of_this_name\n", r"plots/bars\.py cannot be imported: line 1, 'import nothing_of_this_name': "),
        ("studies/mine.py", "1 / 0\n", r"studies/mine\.py cannot be imported: line 1, '1 / 0': ZeroDivisionError: division by zero\.$"),
        ("conf/model/small.yaml", None, r"the model 'small' in .* needs a config: write .*/conf/model/small\.yaml with the keys name, .*, size\.$"),
        ("conf/model/small.yaml", "name: mlp\n", r"conf/model/small\.yaml: name` must be one of small, got 'mlp'"),
        ("conf/model/small.yaml", "name: small\nsizes: 3\n", r"conf/model/small\.yaml has the key 'sizes', which is no field of the model 'small'; its fields are name, .*, size\. Did you mean 'size'\?"),
        ("conf/model/small.yaml", "name: small\nsize: 3\n", r"conf/model/small\.yaml must have every field of the model 'small' with its default; it lacks activation, "),
        ("conf/model/small.yaml", "a: [\n", r"conf/model/small\.yaml cannot be read: "),
        ("conf/model/small.yaml", "3\n", r"conf/model/small\.yaml cannot be read: |must be a mapping"),
        ("conf/model/other.yaml", "name: othr\n", r"conf/model/other\.yaml: name` must be one of cnn, gpt, mean_field, mlp, resnet, small, vgg, vit, got 'othr'"),
        ("conf/model/mlp.yaml", "name: mlp\n", r"conf/model/mlp\.yaml cannot be used: lmc_sweeps has model/mlp\.yaml itself; .* Names taken are cnn, gpt, mean_field, mlp, resnet20, vgg11, vgg16, vit\."),
        ("conf/matching/halves.yaml", "name: halves\n", r"conf/matching/halves\.yaml must have '# @package matching\.halves' as its first line"),
    ],
)  # fmt: skip
def test_mistakes_are_a_sentence_and_nothing_is_added(folder: Path, name: str, text: str | None, sentence: str) -> None:
    if text is None:
        (folder / name).unlink()
    else:
        write(folder, name, text)
    message = refusal_of(folder)
    assert "\n" not in message
    assert re.search(sentence, message), message


def test_a_folder_that_is_not_there_or_has_no_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PARTS, "")
    rule = "take a folder with at least one of datasets/, models/, matching/, transport/, repair/, loggers/, plots/, studies/, stats/ in it"
    assert f"{rule}; there is no folder {str(tmp_path / 'nowhere')!r}." in refusal_of(tmp_path / "nowhere")
    write(tmp_path / "empty", "model/small.py", "")
    assert f"{rule}; {str(tmp_path / 'empty')!r} has model." in refusal_of(tmp_path / "empty")


def test_a_name_in_two_folders_is_refused(folder: Path, tmp_path: Path) -> None:
    lmc_sweeps.add_parts(folder)
    write(tmp_path / "others", "models/small.py", FILES["models/small.py"])
    assert f"has a 'small' already, in {folder / 'models'}" in refusal_of(tmp_path / "others")


def test_a_mistake_that_is_mended_can_be_added(folder: Path) -> None:
    text = (folder / "conf/model/small.yaml").read_text()
    (folder / "conf/model/small.yaml").unlink()
    assert "needs a config" in refusal_of(folder)
    write(folder, "conf/model/small.yaml", text)
    lmc_sweeps.add_parts(folder)
    assert "small" in models.choices()


def test_helper_modules_are_no_parts(folder: Path) -> None:
    write(folder, "datasets/_helpers.py", "VALUE = 3\n")
    before = set(datasets.choices())
    lmc_sweeps.add_parts(folder)
    assert set(datasets.choices()) == before
    assert importlib.import_module("lmc_sweeps.datasets._helpers").VALUE == 3
