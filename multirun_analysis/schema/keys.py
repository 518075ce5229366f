"""What stands in the folder of a sweep, what its rows are told apart by, and names that no table takes for numbers."""

import re
from collections.abc import Mapping
from typing import Any, Final

# What stands in the folder of a sweep, or of a job alone; writer and reader have the names from here.
RECORD, PERMUTATIONS, PLANE_FILE = "record.json", "permutations.npz", "plane.csv"  # of a job
EXPECTED, COMMANDS, MULTIRUN = "expected.jsonl", "commands.jsonl", "multirun.yaml"  # of a sweep
HYDRA_FOLDER, ANALYSIS_FOLDER = ".hydra", "analysis"
# The key of a row of a record: of a pair, and of a method with its settings; the job is the record's, the split where a row has one.
PAIR = ("network_a", "network_b")
METHOD = ("matching", "settings_hash")
TRAINING: Final = "training"  # of a record: the training curves of its networks,
TRAINING_KEY = ("network", "split")  # and the words of a row of them; its epoch is a number
REPAIR = ("repair", "repair_hash")  # of rows of lines: the repair of the networks on it, with the hash of its settings
WITHOUT_REPAIR = {"repair": "none", "repair_hash": "f91871fb"}  # what rows of records count as that were written before there were repairs
NO_REPAIR: Mapping[str, Any] = {**WITHOUT_REPAIR, "settings": {}}  # the entry of that, among the repairs of a record
# What the settings of a job count as that was written before there were these, beside jobs that have them.
WITHOUT_SETTINGS: Mapping[str, Any] = {
    "optimizer.decayed": "all",
    "training.label_smoothing": 0.0,
    "training.augmentation": "none",
    "training.crop_padding": 4,
}
DIGESTS = (*PAIR, "network", "settings_hash", "repair_hash")  # the names in a row that are digests
# The keys of a cell, which no statistic mixes: these, then the varying keys, then what the table adds (method, split, width, ...).
CELL = ("dataset", "model", "depth")
SCOPE_KEYS = ("dataset", "model", "width", "depth", "seed")  # the settings of a job that have a column in every table of runs
CODE = "code"  # of a part of a user's own: the setting that is the digest of its files, as ``model.code``
NO_RUN = "-"  # stands for the name of a job where a failure belongs to none
BEHIND = "x"  # stands before a name that a table could take for a number; no hexadecimal digit
_NUMBER_LIKE = re.compile(r"[0-9]+(e[0-9].*)?", re.IGNORECASE | re.DOTALL)  # pandas reads as far as it can: whatever follows the exponent


def safe_name(digest: str) -> str:
    """Return a name made of hexadecimal digits so that no table takes it for a number: behind a letter if it begins as one, else as it is.

    ``8250e2414376239c`` is a number to many readers: infinite to some, and the end of the process to pandas 2.2 and 2.3.

    >>> safe_name("8250e2414376239c"), safe_name("1234567890123456"), safe_name("f9ca4966af21aeb2")
    ('x8250e2414376239c', 'x1234567890123456', 'f9ca4966af21aeb2')
    """
    return BEHIND + digest if _NUMBER_LIKE.fullmatch(digest) else digest


def repair_of(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return which repair, with which settings, an entry or a row of a record is of; of an earlier version's, none.

    >>> repair_of({"matching": "weights", "settings_hash": "x1e2", "settings": {}})
    ('none', 'f91871fb')
    """
    repair, settings_hash = ({**WITHOUT_REPAIR, **entry}[key] for key in REPAIR)
    return repair, settings_hash


def method_of(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return which method, with which settings, an entry or a row of a record is of.

    >>> method_of({"matching": "weights", "settings_hash": "x1e2", "settings": {}})
    ('weights', 'x1e2')
    """
    return entry["matching"], entry["settings_hash"]
