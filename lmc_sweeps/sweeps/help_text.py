"""What ``--help`` shows: what the command is for, examples, every key in a line, the options of every group, launchers, experiments."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from lmc_sweeps.sweeps.conf_folder import conf_dir
from multirun_analysis.common.registry import conf_folders

COLUMNS = 80
USAGE = """usage: python -m lmc_sweeps [KEY=VALUE ...]           one job
       python -m lmc_sweeps KEY=VALUE,VALUE ... -m    a sweep: all combinations
       python -m lmc_sweeps ls DIR                    the jobs of a sweep

Trains pairs of networks, matches their neurons by optimal transport, and
measures the loss barrier on the straight line between their weights.

examples:
  python -m lmc_sweeps width=8,32,128 seed=0,1,2 -m
  python -m lmc_sweeps dataset=mnist depth=1,2 width=32,128 plan=true -m
  python -m lmc_sweeps experiment=width_mnist hydra.sweep.dir=my_sweep
"""
MORE = """Without hydra.sweep.dir=DIR a sweep is kept under multirun/; the same command
with the same DIR goes on where it was. python -m multirun_analysis DIR makes
its tables, figures and page. --cfg job shows all keys with their values,
--hydra-help the options of Hydra, --version the versions. Keys are explained in
docs/keys.md.
"""
SHIPPED = ("basic",)  # launchers that are Hydra's own
WITH_PACKAGES = {"joblib": "hydra-joblib-launcher"}
KEY = re.compile(r"(\w+): (.*?) # (.*)")  # at the left margin of config.yaml, with its comment
CHOICE = re.compile(r"  - (\w+): (.*?)( # (.*))?")
SMOKE = "_smoke"  # experiments in small, which are for tests


def help_text() -> str:
    """Return the text, no line of which is longer than a terminal is wide."""
    lines = (conf_dir() / "config.yaml").read_text(encoding="utf-8").splitlines()
    keys = [(f"{match[1]}={match[2]}", match[3]) for line in lines if (match := KEY.fullmatch(line))]
    groups = [(f"{match[1]}={match[2]}", match[1]) for line in lines if (match := CHOICE.fullmatch(line))]
    parts = [USAGE, "keys, with their defaults:", *(_entry(key, comment) for key, comment in keys), "", "groups, with their defaults:"]
    parts += [_entry(group.replace(" ", ""), ", ".join(_options(name))) for group, name in groups if name != "experiment"]
    launchers = [*_options("hydra/launcher"), *SHIPPED, *(f"{name} (pip install {package})" for name, package in WITH_PACKAGES.items())]
    parts += ["", _entry("hydra/launcher=", ", ".join(launchers)), "", _entry("experiment=", ", ".join(_experiments())), "", MORE]
    return "\n".join(parts)


def _entry(name: str, text: str) -> str:
    """Return a name and, beside it, a text broken into lines."""
    indent = 20
    lines = textwrap.wrap(text, COLUMNS - indent, break_on_hyphens=False)
    if len(name) + 3 > indent:
        return "\n".join([f"  {name}", *(" " * indent + line for line in lines)])
    return "\n".join([f"  {name:<{indent - 2}}{lines[0]}", *(" " * indent + line for line in lines[1:])])


def _options(group: str) -> list[str]:
    return sorted(path.stem for folder in _folders() for path in (folder / group).glob("*.yaml"))


def _experiments() -> list[str]:
    return [name for name in _options("experiment") if not name.endswith(SMOKE)]


def _folders() -> Iterator[Path]:
    """Yield the folders of configs: ours, and those of a user's own parts."""
    yield conf_dir()
    yield from conf_folders()
