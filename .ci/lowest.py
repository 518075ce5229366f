"""Print the lowest versions that pyproject.toml admits, as constraints for pip: ``python .ci/lowest.py [PACKAGE_LEFT_OUT ...]``."""

import re
import sys
from pathlib import Path

import tomllib

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
for line in project["dependencies"]:
    name, lowest = re.fullmatch(r"([A-Za-z0-9-]+)>=([0-9.]+),<[0-9.]+", line).groups()
    if name not in sys.argv[1:]:
        print(f"{name}=={lowest}")
