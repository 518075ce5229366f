"""`load_networks`: the networks of a finished record as modules of their own."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from lmc_sweeps import matching, models
from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import code_of
from lmc_sweeps.common.interpolations import resolved
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.network_files import DAMAGED, read_network
from lmc_sweeps.jobs.permutation_files import read_maps
from lmc_sweeps.jobs.planned import template
from lmc_sweeps.jobs.recorded import mark_in
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.measuring.lines import Pair
from lmc_sweeps.models.base import Model, Shape
from lmc_sweeps.models.torch_module import EXAMPLES
from lmc_sweeps.symmetry.maps import Map, as_map, permutations_of
from multirun_analysis.schema import CODE, PERMUTATIONS, RECORD, mark_of

log = logging.getLogger(__name__)
LONGEST = 500  # letters of a failure's sentence that are shown


@dataclass(frozen=True)
class LoadedPair:
    """A pair of networks of a record as modules in evaluation mode; `aligned` has B as each method mapped it, by `maps`.

    `permutations` are the orders of those maps that are permutations. `starts` has, for methods that fold norms, A in linear form, where
    the line to `aligned` begins; of other methods it is `network_a`.
    """

    network_a: nn.Module
    network_b: nn.Module
    aligned: dict[str, nn.Module]
    permutations: dict[str, dict[str, np.ndarray]]
    maps: dict[str, dict[str, Map]]
    starts: dict[str, nn.Module]


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
        `aligned`, `permutations`, `maps` and `starts` are keyed by method; where a record holds one with several settings, by
        ``method.settings_hash``.

    Raises
    ------
    InputError
        If there is no such record or pair, or the store no longer holds the networks.
    """
    folder = Path(record_or_folder)
    folder = folder.parent if folder.name == RECORD else folder
    record = _read(folder)
    config = record["config"]
    numbers = range(len(record["networks"]))
    if len(pair) != 2 or not all(k in numbers for k in pair) or pair[0] >= pair[1]:
        raise checks.InputError(f"`pair` must be two numbers of networks below {len(numbers)}, the smaller first, got {pair!r}.")
    root = store if store is not None else _store_of(config)
    networks = Store(None if root is None else checks.user_path("store", root))
    names = [record["networks"][k]["name"] for k in pair]
    model = _model(config, record["scope"])
    data = record["data"]
    shape = Shape(tuple(data.get("inputs", [data["n_inputs"]])), config["width"], config["depth"], data["n_classes"])
    architecture = model.architecture(shape)
    a, b = (_stored(networks, name, template(model, shape)) for name in names)
    maps = _maps(folder, names, record)
    if not maps and any([curve["network_a"], curve["network_b"]] == names for curve in record["curves"]):
        path = str(folder / PERMUTATIONS)
        raise checks.InputError(f"{path!r} is missing or damaged; remove {RECORD} beside it and run the job again.")
    whole = Pair(architecture, a, b, 0, architecture.taken(shape.examples(EXAMPLES, model.takes[0], generator(0, "examples"))))
    folding = {key for key in maps if getattr(matching.choices().get(key.partition(".")[0]), "folds", False)}
    ends = {key: whole.folded if key in folding else whole for key in maps}
    aligned = {key: architecture.module(ends[key].graph.apply(ends[key].b, by_group)) for key, by_group in maps.items()}
    starts = {key: architecture.module(whole.folded.a) for key in sorted(folding)}
    permutations = {key: permutations_of(by_group) for key, by_group in maps.items()}
    return LoadedPair(architecture.module(a), architecture.module(b), aligned, permutations, maps, starts)


def _read(folder: Path) -> records.Record:
    """Return the finished record of a folder, or say what is there instead."""
    record = records.read_record(folder)
    if record is not None and records.is_finished(record):
        return record
    name, file = str(folder), folder / RECORD
    if record is not None:
        reason = f"the job ended as {record['status']!r}: {str(record.get('sentence', 'no reason is given'))[:LONGEST]}"
        raise checks.InputError(f"{name!r} holds no finished {RECORD}; {reason} Run the job again.")
    if file.is_file():
        raise checks.InputError(f"{str(file)!r} is damaged, or was changed after it was written; remove it and run the job again.")
    jobs = sorted(path.parent for path in folder.glob(f"*/{RECORD}")) if folder.is_dir() else []
    if jobs:
        raise checks.InputError(f"{name!r} is a sweep of {len(jobs)} jobs: name the folder of one, e.g. {str(jobs[0])!r}.")
    if not folder.exists():
        raise checks.InputError(f"there is no folder {name!r}.")
    raise checks.InputError(f"{name!r} holds no {RECORD}: it is not the folder of a job that has finished.")


def _store_of(config: Mapping[str, Any]) -> str | None:
    """Return the store of a record, looked up again where it came from the environment."""
    folder: str | None = config["store"]
    try:
        return resolved(folder, config) if folder is not None and "${" in folder else folder
    except LookupError as error:
        raise checks.InputError(f"the record's store is {folder!r}, and {error}; set it, or pass `store`.") from error


def _model(whole: Mapping[str, Any], scope: Mapping[str, Any]) -> Model:
    """Return the model of a record, if this version, with the parts that are known here, has it."""
    config = whole["model"]
    name = str(config.get("name"))
    choices = models.choices()
    if name not in choices:
        raise checks.InputError(
            f"`model.name` of the record must be one of {', '.join(sorted(choices))}, got {name!r}. A model of your own is added by "
            "lmc_sweeps.add_parts(FOLDER) first, as in docs/how_to/own_model.md."
        )
    values = {key: value for key, value in config.items() if key != "name"}
    unknown = sorted(values.keys() - {field.name for field in fields(choices[name])})
    if unknown:
        raise checks.InputError(f"the record's model, {name!r}, has the setting {unknown[0]!r}, which this version of it does not know.")
    if scope.get(f"model.{CODE}") not in (None, code_of(choices[name]).get(CODE)):
        log.warning("the model %r had other code when the networks of this record were trained; here they are run by that of today.", name)
    return choices[name](**{key: _as_it_was(key, value, whole, scope) for key, value in values.items()})


def _as_it_was(key: str, value: Any, config: Mapping[str, Any], scope: Mapping[str, Any]) -> Any:
    """Return a setting of a model; one that the record does not show must be here what it was when the networks were trained."""
    mark = mark_in(scope.get(f"model.{key}"))
    if mark is None or not isinstance(value, str):
        return value
    try:
        text = resolved(value, config)
    except LookupError as error:
        raise checks.InputError(f"the record's model has the setting {key!r} from {value!r}, and {error}; set it as it was.") from error
    if mark_of(text) != mark:
        raise checks.InputError(
            f"the record's model has the setting {key!r} from {value!r}, which the record does not show and which is something else here; "
            "set it as it was, by the environment variable that it names."
        )
    return text


def _stored(store: Store, name: str, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the parameters of a stored network, which must be like those of its model."""
    path = store.path(name)
    try:
        return read_network(path, like).parameters
    except FileNotFoundError:
        raise checks.InputError(f"the network {name} is not in the store {store.folder}; run its job again, or pass `store`.") from None
    except OSError as error:
        raise checks.InputError(f"the network {name} cannot be read: {error}.") from error
    except DAMAGED as error:
        again = f"remove it and the job's {RECORD} and run the job again, or pass another `store`"
        raise checks.InputError(f"the stored network {str(path)!r} is not usable ({error}); {again}.") from error


def _maps(folder: Path, names: list[str], record: records.Record) -> dict[str, dict[str, Map]]:
    """Return maps by method, then group, of one pair."""
    kinds = [entry["matching"] for entry in record["matching"]]
    by_method: dict[str, dict[str, Map]] = {}
    for key, mapping in read_maps(folder, record).items():
        pair_and_method, _, group = key.partition("/")
        a, b, method, settings_hash = pair_and_method.split(".")
        if [a, b] == names:
            label = method if kinds.count(method) == 1 else f"{method}.{settings_hash}"
            by_method.setdefault(label, {})[group] = as_map(group, mapping)
    return by_method
