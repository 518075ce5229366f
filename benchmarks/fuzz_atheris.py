"""Coverage-guided fuzzing of one reader: ``python -m benchmarks.fuzz_atheris idx|batch CORPUS_DIR -max_total_time=120``; needs atheris."""

import sys
from pathlib import Path

import atheris  # not among the project's dependencies: it has wheels for few versions of Python

with atheris.instrument_imports(
    include=["lmc_sweeps.datasets.idx", "lmc_sweeps.datasets.cifar10", "lmc_sweeps.datasets.pickled", "pickletools"]
):
    from lmc_sweeps.datasets import cifar10, idx

from benchmarks import fuzz_readers
from lmc_sweeps.common.checks import InputError


def read_idx(contents: bytes) -> None:
    """Read an IDX file from a scratch file."""
    scratch = Path(sys.argv[2]).with_suffix(".scratch")
    scratch.unlink(missing_ok=True)
    scratch.write_bytes(contents)
    idx.read_idx(scratch)


def read_batch(contents: bytes) -> None:
    """Read a batch of CIFAR-10."""
    cifar10.read_batch(contents, "batch")


READERS = {"idx": (read_idx, fuzz_readers._idx_files), "batch": (read_batch, fuzz_readers._batches)}


def main() -> None:
    """Write the seeds into the corpus, and fuzz; any error but `InputError` ends the run with the input that led to it."""
    read, seeds = READERS[sys.argv[1]]
    corpus = Path(sys.argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    for k, contents in enumerate(seeds()):
        (corpus / f"seed{k}").write_bytes(contents)

    def once(contents: bytes) -> None:
        try:
            read(contents)
        except InputError:
            return

    atheris.Setup([sys.argv[0], *sys.argv[2:]], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
