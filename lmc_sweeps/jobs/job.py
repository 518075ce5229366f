"""The story of one job: the paper's experiment, top to bottom.

Networks are trained from one seed, differing in initialisation and data order; every pair of them is matched by optimal transport with each
method; the straight line between the two is walked on both splits; one record says what came of it. `plane` adds a map of the loss.
"""

import itertools
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lmc_sweeps.common.devices import resolve_device
from lmc_sweeps.common.files import locked
from lmc_sweeps.common.time_limit import time_limit
from lmc_sweeps.datasets.base import Data
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.missing import line_points, missing_methods, network_names, planes_lacking, points_note
from lmc_sweeps.jobs.plane_files import keep_planes, measure_planes
from lmc_sweeps.jobs.records import Record
from lmc_sweeps.jobs.settings import JobSettings, plain_config, run_id, scope, told_method
from lmc_sweeps.jobs.stacks import Progress, train_all
from lmc_sweeps.jobs.store import Store, StoredNetwork
from lmc_sweeps.jobs.tasks import Task, tasks_of
from lmc_sweeps.matching.base import Matching, Permutations
from lmc_sweeps.measuring.final_losses import check_final_losses
from lmc_sweeps.measuring.gaps import relative_movement
from lmc_sweeps.measuring.pairs import compare_pair
from lmc_sweeps.measuring.rows import PairResult, undefined_rows
from lmc_sweeps.models.base import Architecture
from multirun_analysis.schema import FILES, SCHEMA_VERSION

log = logging.getLogger(__name__)


def run_job(
    settings: JobSettings,
    data: Data,
    fingerprint: str,
    folder: Path,
    progress: Progress = lambda steps: None,
    at_hand: Mapping[str, StoredNetwork] = MappingProxyType({}),
) -> Record:
    """Do what a job's record still lacks, and return the record.

    Parameters
    ----------
    settings : JobSettings
    data : Data
        What ``settings.dataset`` loads.
    fingerprint : str
        Of `data`.
    folder : Path
        The job's folder; a finished record there is kept and added to.
    progress : callable
        Told how many network-steps of training more are done.
    at_hand : mapping of str to StoredNetwork
        Trained networks, by name, that need not be looked for in the store.

    Returns
    -------
    dict
        The record, as written.

    Raises
    ------
    InputError
        If the folder holds the finished record of another job, which is neither returned as this one's nor overwritten.
    """
    known = records.read_record(folder)
    records.check_same_job(folder, known, run_id(settings, fingerprint))
    if known is None and (folder / records.RECORD).is_file():
        log.warning("%s is damaged, so the job is run again.", folder / records.RECORD)
    methods, planes = missing_methods(settings, known, folder), planes_lacking(settings, fingerprint, folder, known)
    if known is not None and not methods and not planes:
        log.info("already measured, at %d points: %s", known["points"], folder / records.RECORD)
        return records.forget_failure(folder) or known  # it was of something that is no longer asked for
    start = time.perf_counter()
    networks = find_or_train(settings, data, fingerprint, progress, at_hand)
    with time_limit(settings.time_limit, "matching and measuring"):
        while known is None or methods:
            walked = replace(settings, points=line_points(settings, known))
            record, permutations = _measured(walked, data, fingerprint, networks, methods)
            if note := points_note(settings.points, known, methods):
                log.info("%s", note)
                record["notes"].append(note)
            record["seconds"] = time.perf_counter() - start
            log.info("measured %d methods in %.1f s", len(methods), record["seconds"])
            known, is_kept = _kept(folder, record, permutations)
            methods = [] if is_kept else missing_methods(settings, known, folder)
        if planes:
            known = _with_planes(settings, data, fingerprint, folder, known, networks, planes, start)
    return known


def _kept(folder: Path, record: Record, permutations: dict[str, Permutations]) -> tuple[Record, bool]:
    """Write a record and its permutations, with what is there already; return the record that is there then, and whether this one is in it.

    It is not where another process has meanwhile left lines with another number of points: one record never holds a mix.
    """
    with locked(folder / records.RECORD):
        now = records.read_record(folder)
        records.check_same_job(folder, now, record["run_id"])  # again: two commands may have begun with an empty folder
        if now is None or not records.is_finished(now):
            there: Mapping[str, Any] = {}
        elif now["points"] > record["points"] or (
            now["points"] < record["points"] and not set(records.methods_of(record)).issuperset(records.methods_of(now))
        ):
            return now, False
        else:
            there = records.read_permutations(folder, now)
            record = records.merged(now, record)
        digest = records.write_permutations(folder, permutations, there)
        record[FILES] = {**record.get(FILES, {}), records.PERMUTATIONS: digest}
        records.write_record(folder, record)
    return record, True


def _with_planes(
    settings: JobSettings,
    data: Data,
    fingerprint: str,
    folder: Path,
    record: Record,
    networks: list[StoredNetwork],
    methods: list[Matching],
    start: float,
) -> Record:
    """Measure the planes of some methods beside the record that is there, and return it as it is then."""
    test = data.test.to(resolve_device(settings.device))
    planes = measure_planes(folder, record, network_names(settings, fingerprint), networks, _architecture(settings, data), test, methods)
    seconds = time.perf_counter() - start
    log.info("measured the planes of %d methods; %.1f s in all", len(methods), seconds)
    return keep_planes(folder, planes, seconds, record["run_id"])


def _measured(
    settings: JobSettings, data: Data, fingerprint: str, networks: list[StoredNetwork], methods: list[Matching]
) -> tuple[Record, dict[str, Permutations]]:
    """Return the record of every pair of the networks, matched and measured by the methods, and the permutations."""
    names = network_names(settings, fingerprint)
    device = resolve_device(settings.device)
    splits = data.train.to(device), data.test.to(device)
    architecture = _architecture(settings, data)
    record = _empty_record(settings, data, fingerprint, networks, names)
    record["matching"] = records.matching_entries(methods, partial(told_method, settings))
    permutations: dict[str, Permutations] = {}
    movements = [_movement(task, network) for task, network in zip(tasks_of(settings, data, fingerprint), networks, strict=True)]
    for i, j in itertools.combinations(range(settings.networks), 2):
        result = _measure(architecture, networks[i], networks[j], splits, methods, settings)
        if networks[i].facts["finite"] and networks[j].facts["finite"]:
            check_final_losses(result, (names[i], names[j]), [networks[k].facts["loss_final"] for k in (i, j)], device)
        training = {"seconds_train": networks[i].seconds + networks[j].seconds, "relative_movement": (movements[i] + movements[j]) / 2}
        pair = {"network_a": names[i], "network_b": names[j]}
        tables = result.tables()
        record["runs"] += [pair | training | row for row in tables["runs"]]
        record["curves"] += [pair | row for row in tables["curves"]]
        record["layers"] += [pair | row for row in tables["layers"]]
        record["notes"] += [note for note in result.notes if note not in record["notes"]]
        permutations |= {f"{names[i]}.{names[j]}.{key}": found for key, found in result.permutations.items()}
    return record | records.surroundings(device), permutations


def find_or_train(
    settings: JobSettings,
    data: Data,
    fingerprint: str,
    progress: Progress = lambda steps: None,
    at_hand: Mapping[str, StoredNetwork] = MappingProxyType({}),
) -> list[StoredNetwork]:
    """Return a job's networks on its device: those at hand or in the store as they are, the others trained and kept."""
    store, tasks = Store(settings.store), tasks_of(settings, data, fingerprint)
    found: dict[str, StoredNetwork] = {}
    for task in tasks:
        network = at_hand.get(task.name) or store.find(task.name, task.template)
        if network is not None:
            found[task.name] = network
    if found:
        log.info("found %d of %d networks", len(found), len(tasks))
    for trained in train_all([task for task in tasks if task.name not in found], store, progress):
        found |= trained
    device = resolve_device(settings.device)
    networks = [found[task.name] for task in tasks]
    return [StoredNetwork({k: v.to(device) for k, v in net.parameters.items()}, net.facts, net.seconds) for net in networks]


def _movement(task: Task, network: StoredNetwork) -> float:
    """Return how far training has moved a network from where it began, which is drawn again from its seed."""
    return relative_movement(task.initial(), {name: tensor.cpu() for name, tensor in network.parameters.items()})


def _measure(
    architecture: Architecture, a: StoredNetwork, b: StoredNetwork, splits: tuple[Any, Any], methods: list[Matching], settings: JobSettings
) -> PairResult:
    if not (a.facts["finite"] and b.facts["finite"]):
        return undefined_rows(methods, settings.points)
    return compare_pair(architecture, a.parameters, b.parameters, *splits, methods, settings.points, settings.seed)


def _architecture(settings: JobSettings, data: Data) -> Architecture:
    return settings.model.architecture(data.n_inputs, settings.width, settings.depth, data.n_classes)


def _empty_record(settings: JobSettings, data: Data, fingerprint: str, networks: list[StoredNetwork], names: list[str]) -> Record:
    reasons = [
        f"network {number} {why}"
        for number, net in enumerate(networks)
        if (why := divergence(net.facts, settings.training.epochs)) is not None
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id(settings, fingerprint),
        "status": "diverged" if reasons else "ok",
        "sentence": "; ".join(reasons) + "." if reasons else "measured.",
        "config": plain_config(settings),
        "scope": scope(settings, fingerprint),
        "data": {"n_train": len(data.train), "n_test": len(data.test), "n_inputs": data.n_inputs, "n_classes": data.n_classes},
        "networks": [{"name": name, **net.facts, "seconds": net.seconds} for name, net in zip(names, networks, strict=True)],
        "points": settings.points,
        "runs": [],
        "curves": [],
        "layers": [],
        "notes": [f"dataset: {data.note}."] if data.note else [],
    }


def divergence(facts: dict[str, Any], epochs: int) -> str | None:
    """Return why a network counts as diverged, or None if it does not: a function of its own training alone."""
    if not facts["finite"]:
        return "had a loss, before or after training, or a weight that was not finite"
    if epochs > 0 and not facts["loss_final"] <= facts["loss_initial"]:
        return f"ended at a training loss of {facts['loss_final']:.3g}, above the {facts['loss_initial']:.3g} of its initialisation"
    return None
