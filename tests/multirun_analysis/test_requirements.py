"""What the analysis needs: neither torch nor Hydra."""

import os
import re
import subprocess
import sys
from pathlib import Path

from analysis_sweeps import make_record

BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('torch', 'hydra', 'omegaconf', 'ot', 'lmc_sweeps'):
            raise ModuleNotFoundError(f'{name} is absent in this test')
sys.meta_path.insert(0, Absent())
"""


def test_the_analysis_runs_where_torch_and_hydra_are_absent(write_sweep):
    folder = write_sweep([make_record("a")])  # of one width: fewer figures
    code = BLOCKED + f"from multirun_analysis.__main__ import main; main([{str(folder)!r}])"
    environment = os.environ | {"MPLBACKEND": "nonsense"}  # no backend either: figures go to files
    completed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "1 of 1 jobs found." in completed.stdout
    assert (folder / "analysis" / "barrier_vs_width.png").stat().st_size > 1000


def test_the_requirements_of_the_analysis_are_those_of_the_package():
    package = re.findall(r'^    "(.*)",$', (Path(__file__).parents[2] / "pyproject.toml").read_text(), re.M)
    lines = (Path(__file__).parents[2] / "multirun_analysis" / "requirements.txt").read_text().splitlines()
    assert set(lines[1:]) < set(package)
