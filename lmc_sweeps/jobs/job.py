"""The story of one job: the paper's experiment, top to bottom.

Networks are trained from one seed, differing in initialisation and data order; every pair of them is matched by optimal transport with each
method; losses and errors are evaluated along the straight line between the two, on both splits; one record holds the results. `plane` adds
a map of the loss.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType

from lmc_sweeps.common.devices import resolve_device
from lmc_sweeps.common.time_limit import time_limit
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.keeping import keep_results
from lmc_sweeps.jobs.missing import missing_methods, missing_planes, points_note, points_of_lines, repairs_of_missing
from lmc_sweeps.jobs.network_files import StoredNetwork, has_epochs
from lmc_sweeps.jobs.plane_files import add_planes
from lmc_sweeps.jobs.planned import PlannedNetwork, planned_networks, taken_split
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import Record
from lmc_sweeps.jobs.results import empty_record
from lmc_sweeps.jobs.settings import SPLITS
from lmc_sweeps.jobs.stacks import Progress, train_all
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.jobs.training_curves import add_training_curves, lacks_training_curves, training_rows
from lmc_sweeps.matching.base import Maps, Matching
from lmc_sweeps.measuring.final_losses import check_final_losses
from lmc_sweeps.measuring.gaps import relative_movement
from lmc_sweeps.measuring.pairs import compare_pair
from lmc_sweeps.measuring.rows import PairResult, undefined_rows
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.repair.base import Repair
from multirun_analysis.schema import PAIR, RECORD, TRAINING

log = logging.getLogger(__name__)
NONE: Mapping[str, StoredNetwork] = MappingProxyType({})


def run_job(job: PreparedJob, folder: Path, progress: Progress = lambda steps: None, at_hand: Mapping[str, StoredNetwork] = NONE) -> Record:
    """Do what a job's record still lacks, and return the record.

    Parameters
    ----------
    job : PreparedJob
    folder : Path
        The job's folder; a finished record there is kept and added to.
    progress : callable
        Called with the number of network-steps of training that are done since.
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
    record = records.read_record(folder)
    records.check_same_job(folder, record, job.run_id)
    if record is None and (folder / RECORD).is_file():
        log.warning("%s is damaged, so the job is run again.", folder / RECORD)
    methods, planes = missing_methods(job.settings, record, folder), missing_planes(job, folder, record)
    if record is not None and not methods and not planes and not lacks_training_curves(job, record):
        log.info("already measured, at %d points: %s", record["points"], folder / RECORD)
        return records.forget_failure(folder) or record  # it was of something that is no longer asked for
    start = time.perf_counter()
    networks = find_or_train(job, progress, at_hand)
    with time_limit(job.settings.time_limit, "matching and measuring"):
        while record is None or methods:
            repairs = repairs_of_missing(job.settings, record, folder, methods)
            results, maps = measure(job, networks, methods, repairs, points_of_lines(job.settings, record))
            if note := points_note(job.settings.points, record, methods):
                log.info("%s", note)
                results["notes"].append(note)
            results["seconds"] = time.perf_counter() - start
            log.info("measured %d methods in %.1f s", len(methods), results["seconds"])
            record, is_kept = keep_results(folder, results, maps)
            methods = [] if is_kept else missing_methods(job.settings, record, folder)
        if lacks_training_curves(job, record):
            record = add_training_curves(job, folder, networks)
        if planes:
            record = add_planes(job, folder, record, networks, planes, start)
    return record


def find_or_train(
    job: PreparedJob, progress: Progress = lambda steps: None, at_hand: Mapping[str, StoredNetwork] = NONE
) -> list[StoredNetwork]:
    """Return a job's networks on its device: those at hand or in the store as they are, the others trained and kept.

    One without the training curve that is asked for is trained again.
    """
    store, planned = Store(job.settings.store), planned_networks(job)
    trained: dict[str, StoredNetwork] = {}
    for network in planned:
        stored = at_hand.get(network.name) or store.find(network.name, network.template)
        if stored is not None and has_epochs(stored.curve, network.curve_epochs):
            trained[network.name] = stored
    if trained:
        log.info("found %d of %d networks", len(trained), len(planned))
    for stack in train_all([network for network in planned if network.name not in trained], store, progress):
        trained |= stack
    device = resolve_device(job.settings.device)
    networks = [trained[network.name] for network in planned]
    return [replace(net, parameters={name: tensor.to(device) for name, tensor in net.parameters.items()}) for net in networks]


def measure(
    job: PreparedJob, networks: Sequence[StoredNetwork], methods: list[Matching], repairs: list[Repair], points: int
) -> tuple[Record, dict[str, Maps]]:
    """Return the record of every pair of the networks, matched by the methods and measured under the repairs, and the maps."""
    device, names = resolve_device(job.settings.device), job.network_names
    architecture = job.architecture
    train, test = (taken_split(architecture, split, device) for split in (job.data.train, job.data.test))
    record = empty_record(job, networks, methods, repairs, points)
    maps: dict[str, Maps] = {}
    searches: list[records.Row] = []
    movements = [_movement(planned, network) for planned, network in zip(planned_networks(job), networks, strict=True)]
    for i, j in job.settings.pairs():
        result = _measure_pair(job, architecture, networks[i], networks[j], (train, test), methods, repairs, points)
        if networks[i].facts.finite and networks[j].facts.finite:
            check_final_losses(result, (names[i], names[j]), [networks[k].facts.loss_final for k in (i, j)], device)
        training = {"seconds_train": networks[i].seconds + networks[j].seconds, "relative_movement": (movements[i] + movements[j]) / 2}
        pair = dict(zip(PAIR, (names[i], names[j]), strict=True))
        tables = result.tables()
        record["runs"] += [pair | training | row for row in tables["runs"]]
        record["curves"] += [pair | row for row in tables["curves"]]
        record["layers"] += [pair | row for row in tables["layers"]]
        searches += [pair | asdict(row) for row in result.searches if row.objective]
        record["notes"] += [note for note in result.notes if note not in record["notes"]]
        maps |= {f"{names[i]}.{names[j]}.{key}": by_group for key, by_group in result.maps.items()}
    if searches:
        record[records.SEARCHES] = searches
    if curves := training_rows(job, networks):
        record[TRAINING] = curves
    return {**record, **records.surroundings(device)}, maps


def _measure_pair(
    job: PreparedJob,
    architecture: Architecture,
    a: StoredNetwork,
    b: StoredNetwork,
    splits: tuple[Split, Split],
    methods: list[Matching],
    repairs: list[Repair],
    points: int,
) -> PairResult:
    if not (a.facts.finite and b.facts.finite):
        return undefined_rows(methods, repairs, points)
    return compare_pair(
        architecture,
        a.parameters,
        b.parameters,
        *splits,
        methods,
        points,
        job.settings.seed,
        repairs=repairs,
        evaluated=SPLITS[job.settings.splits],
    )


def _movement(planned: PlannedNetwork, network: StoredNetwork) -> float:
    """Return how far training has moved a network from where it began, which is drawn again from its seed."""
    trained = {name: tensor.cpu() for name, tensor in network.parameters.items() if name not in planned.statistics}
    return relative_movement({name: tensor for name, tensor in planned.initial().items() if name in trained}, trained)
