"""Results in a job's folder: written with what is there already, so that nothing finished is lost and no record holds a mix."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lmc_sweeps.common.files import locked
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.merged_records import merged
from lmc_sweeps.jobs.permutation_files import read_maps, write_permutations
from lmc_sweeps.jobs.records import Record
from lmc_sweeps.matching.base import Maps
from lmc_sweeps.symmetry.maps import Map
from multirun_analysis.schema import FILES, PERMUTATIONS, RECORD


def keep_results(folder: Path, results: Record, maps: Mapping[str, Maps]) -> tuple[Record, bool]:
    """Write results and their maps, with what is there already.

    Returns
    -------
    record : dict
        The one that is there then.
    is_kept : bool
        Whether these results are in it. They are not where another process has meanwhile left lines with another number of points: one
        record never holds a mix.
    """
    with locked(folder / RECORD):
        present = records.read_record(folder)
        records.check_same_job(folder, present, results["run_id"])  # again: two commands may have begun with an empty folder
        present_maps: Mapping[str, np.ndarray | Map] = {}
        if present is not None and records.is_finished(present):
            if _would_mix(present, results):
                return present, False
            present_maps = read_maps(folder, present)
            results = merged(present, results)
        digest = write_permutations(folder, maps, present_maps)
        results[FILES] = {**results.get(FILES, {}), PERMUTATIONS: digest}
        return records.write_record(folder, results), True


def _would_mix(present: Record, results: Record) -> bool:
    """Return whether results would be coarser than those that are there, or leave some of them coarser than themselves."""
    is_partial = not set(records.methods_of(results)).issuperset(records.methods_of(present))
    return present["points"] > results["points"] or (present["points"] < results["points"] and is_partial)
