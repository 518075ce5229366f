"""`expected.jsonl`: the jobs of a sweep, written before the first one trains; `commands.jsonl`: the commands that were typed."""

import logging
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from lmc_sweeps.common.checks import UNREADABLE
from lmc_sweeps.common.files import locked, write_atomically
from lmc_sweeps.jobs.merged_records import with_repairs
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.recorded import measured_settings
from lmc_sweeps.jobs.records import matching_entries, repair_entries
from lmc_sweeps.measuring.pairs import with_identity, with_none
from multirun_analysis.checks import read_file
from multirun_analysis.common.redaction import redacted_arguments, redacted_line, redacted_yaml
from multirun_analysis.schema import COMMANDS, EXPECTED, HYDRA_FOLDER, NO_REPAIR, method_of, open_line, safe_name, sealed_line

log = logging.getLogger(__name__)
MOST_BYTES = 2**28  # of a file of lines: 100,000 jobs have a third of it


def expected_entry(prepared: PreparedJob, job: str) -> dict[str, Any]:
    """Return the line of a job that is still to run: name, overrides, number of pairs, methods, settings, and which are computed."""
    settings = prepared.settings
    scope = prepared.scope
    return {
        "run_id": prepared.run_id,
        "job": redacted_line(job),
        "n_pairs": settings.n_pairs,
        "matching": matching_entries(with_identity(settings.matching), partial(measured_settings, settings)),
        "repair": repair_entries(with_none(settings.repair), partial(measured_settings, settings)),
        "scope": scope,
        "computed": {key: how for key, how in prepared.computed.items() if key in scope},
    }


def write_expected(folder: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Add jobs to those that the folder already expects; a job that it expects already gets the new methods.

    Lines that cannot be read, have no seal or were changed are left out, not sealed again; the log has a warning.
    """
    path = folder / EXPECTED
    with locked(path):
        earlier, n_refused = _entries(path)
        if n_refused:
            log.warning("%s has %d lines that cannot be read, have no seal or were changed; they are left out.", path, n_refused)
        jobs = {entry["run_id"]: entry for entry in earlier}
        for entry in entries:
            job = jobs.setdefault(entry["run_id"], dict(entry))
            methods = set(map(method_of, job["matching"]))
            job["matching"] = job["matching"] + [method for method in entry["matching"] if method_of(method) not in methods]
            job["n_pairs"] = max(job["n_pairs"], entry["n_pairs"])
            job["repair"] = with_repairs(job["repair"], entry["repair"])
        write_atomically(path, "".join(map(sealed_line, jobs.values())).encode())


def read_expected(folder: Path) -> list[dict[str, Any]]:
    """Return the jobs that the folder expects; none if there is no such file. Lines without a valid seal are left out."""
    return _entries(folder / EXPECTED)[0]


def _entries(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the jobs in a file of lines, and how many of its lines are not jobs."""
    lines = _contents(path).decode(errors="replace").splitlines()
    entries = []
    for line in lines:
        try:
            entry = open_line(line)
            methods = [{**method, "settings_hash": safe_name(method["settings_hash"])} for method in entry["matching"]]
            repairs = [{**repair, "repair_hash": safe_name(repair["repair_hash"])} for repair in entry.get("repair", [NO_REPAIR])]
            names = {"run_id": safe_name(str(entry["run_id"])), "matching": methods, "repair": repairs}
            entries.append({**entry, **names})
        except UNREADABLE:
            continue
    return entries, len(lines) - len(entries)


def write_command(folder: Path) -> None:
    """Add the command of this process, its secrets masked, to those that made the folder; the same one again counts once."""
    script = Path(sys.argv[0])  # a user's own, which calls main(), or ours
    program = [str(script)] if script.suffix == ".py" and script.name != "__main__.py" else ["-m", "lmc_sweeps"]
    line = sealed_line({"command": shlex.join(["python", *redacted_arguments([*program, *sys.argv[1:]])])})
    with locked(folder / COMMANDS):
        earlier = _contents(folder / COMMANDS).decode(errors="surrogateescape")
        if line not in earlier.splitlines(keepends=True):
            write_atomically(folder / COMMANDS, (earlier + line).encode(errors="surrogateescape"))


def _contents(path: Path) -> bytes:
    """Return the contents of a file; empty if it does not exist or, with a warning in the log, cannot be read."""
    try:
        return read_file(path, MOST_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        log.warning("%s cannot be read (%s); a new one is written.", path, error)
        return b""


def write_config(path: Path, text: str) -> None:
    """Write the config of a sweep, as YAML, its secrets masked."""
    write_atomically(path, redacted_yaml(text).encode())


def conceal(folder: Path) -> None:
    """Mask the secrets in what Hydra itself has written of a job into its folder, as it does for other launchers than ours."""
    for path in (folder / HYDRA_FOLDER).glob("*.yaml"):
        with suppress(OSError, UnicodeDecodeError):
            text = read_file(path, MOST_BYTES).decode()
            if (masked := redacted_yaml(text)) != text:
                write_atomically(path, masked.encode())


def job_names(folder: Path) -> dict[str, str]:
    """Return, by run_id, the overrides of each job: ``width=8 seed=2``."""
    return {entry["run_id"]: entry.get("job", "") for entry in read_expected(folder)}


def labels(folder: Path) -> dict[str, str]:
    """Return, by run_id, its number among all jobs and its overrides: ``[3/28] width=8 seed=2``."""
    names = job_names(folder)
    return {run_id: f"[{k}/{len(names)}] {name}".strip() for k, (run_id, name) in enumerate(names.items(), start=1)}
