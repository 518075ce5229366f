"""A reader that fuzzing attacks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import mutating

SEED = 20261125


@dataclass(frozen=True)
class Reader:
    """A reader: the name of its file, how many inputs it gets, valid ones, how they are mutated, and whether it accepts a file."""

    file: str
    inputs: int
    seeds: Callable[[], list[bytes]]
    mutate: mutating.Mutate
    accepts: Callable[[Path], bool]


def write(path: Path, contents: bytes) -> None:
    """Write a file in place of the one that is there."""
    path.unlink(missing_ok=True)  # a file that is written over waits for the disk
    path.write_bytes(contents)


def unless(read: Callable[[Path], object], *errors: type[Exception]) -> Callable[[Path], bool]:
    """Return whether a file is accepted by a reader that returns something or raises one of the errors that it promises."""

    def accepts(path: Path) -> bool:
        try:
            read(path)
        except errors:
            return False
        return True

    return accepts
