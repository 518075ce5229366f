"""Run a command while a Slurm of one node is there: ``python .ci/with_slurm.py COMMAND ...``, as root on Debian, from the repository.

The exit status is the command's.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.slurm_node import OneNode

with tempfile.TemporaryDirectory() as folder:
    slurm = OneNode(Path(folder))
    try:
        slurm.install(accounting=False)
        slurm.start(accounting=False)
        status = subprocess.run(sys.argv[1:], check=False).returncode
    finally:
        slurm.stop()
sys.exit(status)
