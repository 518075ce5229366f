"""`load_networks`: the networks of a finished record as modules of their own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from lmc_sweeps import checks, models, records
from lmc_sweeps.checkpoints import Store
from lmc_sweeps.permutations import apply_permutations


@dataclass(frozen=True)
class LoadedPair:
    """A pair of networks of a record as modules in evaluation mode; `aligned` maps methods to the permuted B."""

    network_a: nn.Module
    network_b: nn.Module
    aligned: dict[str, nn.Module]
    permutations: dict[str, dict[str, np.ndarray]]


def load_networks(record_or_folder: str | Path, pair: tuple[int, int] = (0, 1), store: str | Path | None = None) -> LoadedPair:
    """Return the networks A and B of a record, and B as each method aligned it.

    Parameters
    ----------
    record_or_folder : str or Path
        A ``record.json``, or the folder that holds it.
    pair : (int, int)
        The numbers of A and B in the job, the smaller first.
    store : str or Path, optional
        The folder of trained networks, if it is no longer where the record says.

    Returns
    -------
    LoadedPair
        `aligned` and `permutations` are keyed by method; where a record holds a method with several settings, by ``method.settings_hash``.

    Raises
    ------
    InputError
        If there is no such record or pair, or the store no longer holds the networks.
    """
    folder = Path(record_or_folder)
    folder = folder.parent if folder.name == records.RECORD else folder
    record = _read(folder)
    config = record["config"]
    numbers = range(len(record["networks"]))
    if len(pair) != 2 or not all(k in numbers for k in pair) or pair[0] >= pair[1]:
        raise checks.InputError(f"`pair` must be two numbers of networks below {len(numbers)}, the smaller first, got {pair!r}.")
    where = store if store is not None else config["store"]
    shelf = Store(None if where is None else Path(where).expanduser())
    names = [record["networks"][k]["name"] for k in pair]
    a, b = (_stored(shelf, name) for name in names)
    kind = models.choices()[config["model"]["name"]]
    model = kind(**{key: value for key, value in config["model"].items() if key != "name"})
    architecture = model.architecture(record["data"]["n_inputs"], config["width"], config["depth"], record["data"]["n_classes"])
    permutations = _permutations(folder, names, record)
    if not permutations and any([curve["network_a"], curve["network_b"]] == names for curve in record["curves"]):
        lost = str(folder / records.PERMUTATIONS)
        raise checks.InputError(f"{lost!r} is missing or damaged; remove {records.RECORD} beside it and run the job again.")
    aligned = {key: architecture.module(apply_permutations(b, architecture.spec, found)) for key, found in permutations.items()}
    return LoadedPair(architecture.module(a), architecture.module(b), aligned, permutations)


def _read(folder: Path) -> records.Record:
    record = records.read_record(folder)
    if record is None or not records.is_finished(record):
        raise checks.InputError(f"{str(folder)!r} holds no finished {records.RECORD}.")
    return record


def _stored(store: Store, name: str) -> dict[str, Any]:
    found = store.find(name)
    if found is None:
        raise checks.InputError(f"the network {name} is not in the store {store.folder}; run its job again, or pass `store`.")
    return found.parameters


def _permutations(folder: Path, names: list[str], record: records.Record) -> dict[str, dict[str, np.ndarray]]:
    """Return permutations by method, then group, of one pair."""
    kinds = [entry["matching"] for entry in record["matching"]]
    found: dict[str, dict[str, np.ndarray]] = {}
    for key, permutation in records.read_permutations(folder, record).items():
        pair_and_method, _, group = key.partition("/")
        a, b, method, settings_hash = pair_and_method.split(".")
        if [a, b] == names:
            label = method if kinds.count(method) == 1 else f"{method}.{settings_hash}"
            found.setdefault(label, {})[group] = permutation
    return found
