"""Overrides, checked before Hydra composes them: for unknown keys and options the message has the choices and the nearest one."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, Quote, QuotedString, RangeSweep
from hydra.errors import HydraException
from omegaconf import OmegaConf

from lmc_sweeps.common import checks
from lmc_sweeps.common.suggestions import likely_key
from lmc_sweeps.sweeps.config import SEVERAL
from multirun_analysis.checks import nearest

MOST_JOBS = 100_000  # of a sweep: an hour of composing before the first one trains
COMMANDS = ("ls",)  # words that are no overrides
FOLDERS = ("hydra.sweep.dir", "hydra.run.dir", "store.dir", "dataset.root")


def check_overrides(overrides: Sequence[str], folders: Sequence[Path]) -> None:
    """Raise `InputError` if an override names a key or an option that the configs in `folders` do not have.

    Of Hydra's own keys the first two parts are looked at, and folders, of which there is one; deletions are left to Hydra.
    """
    for text in overrides:
        override = parsed(text)
        key = override.key_or_group
        if key in FOLDERS and isinstance(override.value(), ChoiceSweep) and key.startswith("hydra."):
            raise checks.InputError(f"`{key}` must be one folder, got {text.partition('=')[2]}; {_quoting(text)}")
        if override.is_delete():
            continue
        if key.startswith("hydra.") and not override.is_add():
            _check_hydras(key)
        elif not (key == "hydra" or key.startswith(("hydra.", "hydra/"))):
            _check(override, folders)


def parsed(text: str) -> Override:
    """Return an override parsed.

    Raises
    ------
    InputError
        If it cannot be read, with how overrides are written.
    """
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        written = "overrides are written KEY=VALUE, e.g. width=64 or width=8,16 -m"
        hint = f"; {_quoting(text)}" if text.partition("=")[0] in FOLDERS else f".{nearest(text, COMMANDS)}"
        raise checks.InputError(f"{text!r} cannot be read; {written}{hint}") from error


def _quoting(text: str) -> str:
    """Return how to type a value that Hydra's grammar does not take as it is: quoted for Hydra, and again for the shell."""
    key, _, value = text.partition("=")
    return f"""quote such a name twice, for Hydra and for the shell: "{key}={quoted(value.strip("'"))}"."""


def quoted(value: str) -> str:
    """Return a text quoted so that Hydra reads it back unchanged."""
    return QuotedString(text=value, quote=Quote.single).with_quotes()


def plain_folder(text: str) -> str:
    """Return an override of a folder, with its name quoted where Hydra's grammar needs that, and ``~`` replaced by the home.

    Other overrides, quoted names and lists of names are returned unchanged.
    """
    key, equals, name = text.partition("=")
    if key not in FOLDERS or not equals:
        return text
    try:
        value = OverridesParser.create().parse_override(text).value()
    except HydraException:
        if re.search(r"['\"\[{(]", name):  # quotes of the user's own, or a function
            return text
    else:
        if not isinstance(value, str | QuotedString) or not str(_unquoted(value)).startswith("~"):
            return text
        name = str(_unquoted(value))
    return f"{key}={quoted(str(checks.user_path(key, name)))}"


def searched_folders(overrides: Sequence[str]) -> list[Path]:
    """Return the folders of configs that overrides of ``hydra.searchpath`` name, as ``file://FOLDER`` or plain."""
    folders = []
    for text in overrides:
        if text.lstrip("+").startswith("hydra.searchpath="):
            folders += [Path(str(entry).removeprefix("file://")) for entry in _values(parsed(text).value())]
    return [folder for folder in folders if folder.is_dir()]


def asks_for_plan(overrides: Sequence[str]) -> bool:
    """Return whether ``plan=true`` is among the overrides, in any spelling."""
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException:
            continue
        if override.key_or_group == "plan" and override.value() is True:
            return True
    return False


def merge_measured(overrides: Sequence[str]) -> list[str]:
    """Return the overrides with a sweep over `matching`, `repair` or `logger` made one list: ``matching=a,b`` means ``matching=[a,b]``.

    A job's networks do not depend on how they are matched or repaired, so the methods belong to one job, on the same networks.
    """
    merged = []
    for text in overrides:
        override = OverridesParser.create().parse_override(text)
        if override.key_or_group in SEVERAL and override.is_choice_sweep():
            text = f"{text.partition('=')[0]}=[{','.join(str(name) for name in _values(override.value()))}]"
        merged.append(text)
    return merged


def swept_keys(overrides: Sequence[Override]) -> list[str]:
    """Return the keys that take several values, in order; all keys where none does."""
    swept = [override.get_key_element() for override in overrides if override.is_sweep_override() and n_values(override) != 1]
    return swept or [override.get_key_element() for override in overrides]


def check_number(overrides: Sequence[Override]) -> None:
    """Raise `InputError` if overrides make no job, or more than a sweep can have; the jobs are not listed for that."""
    numbers = {override.get_key_element(): n_values(override) for override in overrides}
    for key, number in numbers.items():
        if number == 0:
            raise checks.InputError(f"`{key}` has no values; a range ends before its second number: range(0,4) is 0, 1, 2, 3.")
    total = math.prod(numbers.values())
    if total > MOST_JOBS:
        product = " x ".join(f"{number:,} of {key}" for key, number in numbers.items() if number > 1)
        raise checks.InputError(f"a sweep must have at most {MOST_JOBS:,} jobs, got {total:,}: {product}.")


def n_values(override: Override) -> int:
    """Return how many values an override takes, without listing those of a range; 1 where it is no sweep.

    Raises
    ------
    InputError
        If a range has a step of 0.
    """
    value = override.value()
    if not override.is_sweep_override():
        return 1
    if isinstance(value, RangeSweep):
        start, stop, step = (0 if bound is None else bound for bound in (value.start, value.stop, value.step))
        if step == 0:
            raise checks.InputError(f"`{override.key_or_group}` must be a range whose step is not 0, got {override.input_line!r}.")
        return max(0, math.ceil((stop - start) / step))
    return sum(1 for _ in override.sweep_iterator())


def _check_hydras(key: str) -> None:
    """Check a key of Hydra's own by the fields of its config; a launcher and a sweeper have others, and so has what is a mapping."""
    _, name, *deeper = key.split(".")
    node = OmegaConf.structured(HydraConf)
    checks.known_keys("hydra", [name], list(node))
    if deeper and name in ("sweep", "run", "job"):
        checks.known_keys(f"hydra.{name}", deeper[:1], list(node[name]))


def _check(override: Override, folders: Sequence[Path]) -> None:
    groups = sorted({path.name for folder in folders for path in folder.iterdir() if path.is_dir() and path.name != "hydra"})
    top = _fields([folder / "config.yaml" for folder in folders])
    key = override.key_or_group
    if key in groups:
        options = _options(folders, key)
        for value in _values(override.value()):
            if not (value is None and key == "experiment" and not override.is_sweep_override()):  # the only group that can be left out
                checks.one_of(key, value, options)
        return
    head, _, field = key.partition(".")

    def hint(_: str) -> str:
        return likely_key(key, dotted_keys(folders))

    # experiment is a group without settings; Hydra takes any key under +, so that is checked here
    checks.known_keys("", [head], [*top, *groups], hint)
    if not field:
        return
    if head in SEVERAL:
        name, _, field = field.partition(".")
        if not override.is_add():
            checks.one_of(head, name, _options(folders, head))
        fields = _fields([folder / head / f"{name}.yaml" for folder in folders])
        head = f"{head}.{name}"
    elif head in groups:
        fields = _fields([path for folder in folders for path in sorted((folder / head).glob("*.yaml"))])
    else:
        fields = _fields([folder / "config.yaml" for folder in folders], head)
    if fields and field:
        checks.known_keys(head, [field], fields, hint)


def dotted_keys(folders: Sequence[Path]) -> list[str]:
    """Return every key that can be set, under its dotted name: ``width``, ``optimizer.lr``, ``matching.weights.biases``."""
    keys = dict.fromkeys(_fields([folder / "config.yaml" for folder in folders]))
    for folder in folders:
        for path in sorted(folder.glob("*/*.yaml")):
            group = path.parent.name
            if group not in ("hydra", "experiment"):
                node = f"{group}.{path.stem}" if group in SEVERAL else group
                keys |= dict.fromkeys([group, *(f"{node}.{name}" for name in _fields([path]) if name != "name")])
        keys |= dict.fromkeys(f"store.{name}" for name in _fields([folder / "config.yaml"], "store"))
    return list(keys)


def _options(folders: Sequence[Path], group: str) -> list[str]:
    """Return the options of a group, those in folders of its folder as ``FOLDER/NAME``."""
    parents = [folder / group for folder in folders]
    return sorted({path.relative_to(parent).with_suffix("").as_posix() for parent in parents for path in parent.rglob("*.yaml")})


def _fields(files: Sequence[Path], key: str | None = None) -> list[str]:
    """Return the keys of YAML files, or of the mapping under `key` in them."""
    keys: dict[str, None] = {}
    for path in files:
        if path.is_file():
            content = OmegaConf.to_container(OmegaConf.load(path))
            part = content.get(key) if isinstance(content, dict) and key is not None else content
            keys |= dict.fromkeys(str(name) for name in part if name not in ("defaults", "hydra")) if isinstance(part, dict) else {}
    return list(keys)


def _values(value: Any) -> Iterator[Any]:
    """Yield the single values of an override: of a choice sweep, of a list, or the value itself; Hydra checks globs."""
    if isinstance(value, ChoiceSweep):
        for item in value.list:
            yield from _values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
    elif not isinstance(value, Glob):
        yield _unquoted(value)


def _unquoted(value: Any) -> Any:
    return value.text if isinstance(value, QuotedString) else value if value is None else re.sub(r"^(['\"])(.*)\1$", r"\2", str(value))
