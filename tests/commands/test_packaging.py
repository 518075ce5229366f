"""What is installed and how it is cited: every command starts, and citation and conda recipe say what pyproject.toml says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import lmc_sweeps

ROOT = Path(__file__).resolve().parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
SCRIPTS = dict(re.findall(r'^(lmc-sweeps\S*) = "(\S+)"$', PROJECT, re.MULTILINE))
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}  # where conda-forge has other ones


@pytest.mark.parametrize("name", ["lmc-sweeps", "lmc-sweeps-analysis", "lmc-sweeps-compare", "lmc-sweeps-store"])
def test_every_command_says_how_it_is_used(name):
    module, _, function = SCRIPTS[name].partition(":")
    call = f"import sys; sys.argv = [{name!r}, '--help']; from {module} import {function}; {function}()"
    completed = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (completed.returncode, completed.stderr) == (0, "")
    assert completed.stdout.startswith("usage: ")


def test_the_citation_is_of_this_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert str(citation["version"]) == lmc_sweeps.__version__
    assert f'license = "{citation["license"]}"' in PROJECT


def test_the_conda_recipe_is_of_this_version_and_needs_what_the_package_needs():
    recipe = yaml.safe_load((ROOT / ".ci" / "conda" / "recipe.yaml").read_text("utf-8"))
    block = re.search(r"^dependencies = \[$(.*?)^\]$", PROJECT, re.MULTILINE | re.DOTALL)[1]
    needed = [f"{CONDA_NAMES.get(name, name)} {versions}" for name, versions in re.findall(r'^    "([\w-]+)([^"]*)",', block, re.MULTILINE)]
    python = re.search(r'^requires-python = "(.*)"$', PROJECT, re.MULTILINE)[1]
    assert recipe["context"]["version"] == lmc_sweeps.__version__
    assert recipe["requirements"]["run"] == [f"python {python}", *needed]
    assert recipe["build"]["python"]["entry_points"] == [f"{name} = {value}" for name, value in SCRIPTS.items()]
    assert recipe["about"]["summary"] == re.search(r'^description = "(.*)"$', PROJECT, re.MULTILINE)[1]
