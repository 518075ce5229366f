"""The record of a job before its pairs are measured: what was asked for, on what data, and whether its networks diverged."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from lmc_sweeps.jobs.network_files import Facts, StoredNetwork
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.recorded import measured_settings, plain_config
from lmc_sweeps.jobs.records import Record, matching_entries, repair_entries
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.repair.base import Repair
from multirun_analysis.schema import SCHEMA_VERSION


def empty_record(
    job: PreparedJob, networks: Sequence[StoredNetwork], methods: Sequence[Matching], repairs: Sequence[Repair], points: int
) -> Record:
    """Return the record of a job without a row of what is measured on its pairs by these methods and repairs, at so many points."""
    settings, data = job.settings, job.data
    reasons = [
        f"network {number} {reason}"
        for number, network in enumerate(networks)
        if (reason := divergence(network.facts, settings.training.epochs)) is not None
    ]
    taken = job.architecture.taken(data.train.inputs[:1]).shape[1:]
    axes = {"inputs": list(taken)} if len(taken) > 1 else {}  # of a vector, `n_inputs` tells all
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": job.run_id,
        "status": "diverged" if reasons else "ok",
        "sentence": "; ".join(reasons) + "." if reasons else "measured.",
        "config": plain_config(settings) | {"points": points},
        "scope": job.scope,
        "data": {"n_train": len(data.train), "n_test": len(data.test), "n_inputs": data.n_inputs, "n_classes": data.n_classes} | axes,
        "networks": [
            {"name": name, **asdict(network.facts), "seconds": network.seconds}
            for name, network in zip(job.network_names, networks, strict=True)
        ],
        "points": points,
        "matching": matching_entries(methods, partial(measured_settings, settings)),
        "repair": repair_entries(repairs, partial(measured_settings, settings)),
        "runs": [],
        "curves": [],
        "layers": [],
        "notes": [f"dataset: {data.note}."] if data.note else [],
    }


def divergence(facts: Facts, epochs: int) -> str | None:
    """Return why a network counts as diverged, or None if it does not: a function of its own training alone."""
    if not facts.finite:
        return "had a loss, before or after training, or a weight that was not finite"
    if epochs > 0 and not facts.loss_final <= facts.loss_initial:
        return f"ended at a training loss of {facts.loss_final:.3g}, above the {facts.loss_initial:.3g} of its initialisation"
    return None
