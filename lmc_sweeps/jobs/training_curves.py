"""Training curves: loss and error of networks on both splits after some epochs, measured while a stack trains, and kept in the record."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.files import locked
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.merged_records import joined_curves
from lmc_sweeps.jobs.network_files import Curve, CurvePoint, StoredNetwork
from lmc_sweeps.jobs.planned import PlannedNetwork, padded_split
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import Record, Row
from lmc_sweeps.measuring.evaluation import evaluate
from multirun_analysis.schema import RECORD, TRAINING

ROUNDING = 1e-4  # of a loss in float32, relative: what one network may have on two machines


class StackCurves:
    """The training curves of a stack, measured as final losses are: batch norms in evaluation mode, the labels and images as they are.

    Nothing of the networks or of their training is touched.

    Parameters
    ----------
    networks : sequence of PlannedNetwork
    train : Split
        The training split on the stack's device, padded as its networks are.
    begun : sequence of Curve
        What an earlier run has measured of each network.
    """

    def __init__(self, networks: Sequence[PlannedNetwork], train: Split, begun: Sequence[Curve]) -> None:
        first = networks[0]
        training, steps = first.settings.training, first.settings.training.steps_per_epoch(len(first.data.train))
        self._architecture = first.architecture
        self._epochs = {epoch * steps: epoch for epoch in training.epochs_of_curve()}
        self._splits: dict[str, Split] = {}
        if self._epochs:
            self._splits = {"train": train, "test": padded_split(first.architecture, first.data.test, train.labels.device)}
        self._curves = [list(curve) for curve in begun]
        self._products = torch.get_float32_matmul_precision()  # of losses before and after training, whatever its own precision is
        self.seconds = 0.0  # spent on it so far

    def measure(self, parameters: Mapping[str, Tensor], step: int) -> None:
        """Add a point to every curve, if the stack has just ended an epoch whose point is asked for, or is at step 0."""
        if step not in self._epochs:
            return
        start, products = time.perf_counter(), torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision(self._products)
        try:
            for name, split in self._splits.items():
                scores = evaluate(self._architecture, parameters, split)
                for curve, loss, error in zip(self._curves, scores.loss.tolist(), scores.error.tolist(), strict=True):
                    curve.append(CurvePoint(self._epochs[step], name, loss, error))
        finally:
            torch.set_float32_matmul_precision(products)
        self.seconds += time.perf_counter() - start

    def curve(self, k: int) -> Curve:
        """Return the curve of the k-th network so far."""
        return tuple(self._curves[k])


def training_rows(job: PreparedJob, networks: Sequence[StoredNetwork]) -> list[Row]:
    """Return the rows of a record on the training curves of a job's networks, at the epochs that it asks for."""
    epochs = frozenset(job.settings.training.epochs_of_curve())
    named = zip(job.network_names, networks, strict=True)
    rows = [{"network": name, **point._asdict()} for name, network in named for point in network.curve if point.epoch in epochs]
    return joined_curves([], rows)


def lacks_training_curves(job: PreparedJob, record: Record | None) -> bool:
    """Return whether a job asks for points of training curves that its finished record has not, or asks for any and has no such record."""
    epochs = job.settings.training.epochs_of_curve()
    if not epochs or record is None or not records.is_finished(record):
        return bool(epochs)
    present = {(row.get("network"), row.get("epoch")) for row in record.get(TRAINING, [])}
    return not present.issuperset((name, epoch) for name in job.network_names for epoch in epochs)


def add_training_curves(job: PreparedJob, folder: Path, networks: Sequence[StoredNetwork]) -> Record:
    """Add the training curves of a job's networks to the finished record in its folder, and return the record; no pair is measured.

    Raises
    ------
    InputError
        If the record was lost meanwhile, or is another job's.
    """
    with locked(folder / RECORD):
        record = records.read_record(folder)  # only now: another process may have added to it meanwhile
        records.check_same_job(folder, record, job.run_id)
        if record is None or not records.is_finished(record):
            raise InputError(f"{str(folder / RECORD)!r} was lost while training curves were added to it; run the job again.")
        record[TRAINING] = joined_curves(record.get(TRAINING, []), training_rows(job, networks))
        record["notes"] = list(dict.fromkeys([*record["notes"], *_notes(record, networks)]))
        training = record["config"].get("training", {}) | {"curve_epochs": job.settings.training.curve_epochs}
        record["config"] = record["config"] | {"training": training}
        record.pop("failure", None)  # of what was asked for, nothing is lacking now
        return records.write_record(folder, record)


def _notes(record: Record, networks: Sequence[StoredNetwork]) -> list[str]:
    """Return a note for each network that ended elsewhere, when it was trained again, than the network that was measured."""
    notes = []
    for number, (entry, network) in enumerate(zip(record["networks"], networks, strict=True)):
        measured, again = entry.get("loss_final"), network.facts.loss_final
        if measured is not None and not abs(again - measured) <= ROUNDING * abs(measured):
            notes.append(
                f"training curves: network {number} was trained again for its curve and ended at a training loss of {again:.6g}, where the "
                f"network that was measured had {measured:.6g}."
            )
    return notes
