#!/usr/bin/env bash
# By hand, before a release: the wheel in a bare environment on each Python that is admitted and installed, used from another folder.
# pip takes what it would give a user; environments are removed one after the other, for PyTorch is large.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export LMC_SWEEPS_STORE="$scratch/store"
unset PYTHONPATH

python3 -m venv "$scratch/build"
"$scratch/build/bin/pip" install --quiet build
"$scratch/build/bin/python" -m build --quiet --outdir "$scratch/dist" .
cd "$scratch"
for minor in 10 11 12 13; do
  python=""
  for candidate in "python3.$minor" ~/.pyenv/versions/3."$minor".*/bin/python; do
    if "$candidate" -c '' 2> /dev/null; then python=$candidate; fi
  done
  if [ -z "$python" ]; then
    printf '\n== Python 3.%s is not installed\n' "$minor"
    continue
  fi
  printf '\n== %s\n' "$("$python" --version)"
  "$python" -m venv fresh
  fresh/bin/pip install --quiet dist/*.whl
  fresh/bin/lmc-sweeps --version
  fresh/bin/lmc-sweeps width=4 training.epochs=1 hydra.sweep.dir=sweep -m
  fresh/bin/python -m multirun_analysis sweep
  for command in lmc-sweeps lmc-sweeps-analysis lmc-sweeps-compare lmc-sweeps-store; do
    fresh/bin/$command --help | head -n 1
  done
  rm -r fresh sweep store
done
