"""`expected.jsonl`: the jobs that a sweep is to leave behind, written before the first one trains; `commands.jsonl`: what was typed."""

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
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.recorded import method_settings
from lmc_sweeps.jobs.records import matching_entries
from lmc_sweeps.measuring.pairs import with_identity
from multirun_analysis.checks import read_file
from multirun_analysis.common.redaction import redacted_arguments, redacted_line, redacted_yaml
from multirun_analysis.schema import open_line, safe_name, sealed_line

log = logging.getLogger(__name__)
EXPECTED, COMMANDS = "expected.jsonl", "commands.jsonl"
MOST_BYTES = 2**28  # of a file of lines: 100,000 jobs have a third of it


def expected_entry(prepared: PreparedJob, job: str) -> dict[str, Any]:
    """Return what is said beforehand of a job: its name, what was asked for, its pairs, methods and settings, and which are computed."""
    asked = prepared.settings
    settings = prepared.scope
    return {
        "run_id": prepared.run_id,
        "job": redacted_line(job),
        "n_pairs": asked.networks * (asked.networks - 1) // 2,
        "matching": matching_entries(with_identity(asked.matching), partial(method_settings, asked)),
        "scope": settings,
        "computed": {key: how for key, how in prepared.computed.items() if key in settings},
    }


def write_expected(folder: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Add jobs to those that the folder already expects; a job that is there gets the methods that are new.

    Lines that cannot be read, have no seal or were changed are not sealed anew but left out, which the log says.
    """
    path = folder / EXPECTED
    with locked(path):
        entries_there, n_refused = _entries(path)
        if n_refused:
            log.warning("%s has %d lines that cannot be read, have no seal or were changed; they are left out.", path, n_refused)
        jobs = {entry["run_id"]: entry for entry in entries_there}
        for entry in entries:
            known = jobs.get(entry["run_id"])
            if known is None:
                jobs[entry["run_id"]] = dict(entry)
            else:
                names = {(method["matching"], method["settings_hash"]) for method in known["matching"]}
                lacking = [method for method in entry["matching"] if (method["matching"], method["settings_hash"]) not in names]
                known["matching"] = known["matching"] + lacking
        write_atomically(path, "".join(map(sealed_line, jobs.values())).encode())


def read_expected(folder: Path) -> list[dict[str, Any]]:
    """Return the jobs that the folder expects; none if there is no such file. A line without a seal that fits is left out."""
    return _entries(folder / EXPECTED)[0]


def _entries(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the jobs in a file of lines, and how many of its lines are none."""
    lines = _contents(path).decode(errors="replace").splitlines()
    found = []
    for line in lines:
        try:
            entry = open_line(line)
            methods = [{**method, "settings_hash": safe_name(method["settings_hash"])} for method in entry["matching"]]
            names = {"run_id": safe_name(str(entry["run_id"])), "matching": methods}
            found.append({**entry, **names})
        except UNREADABLE:
            continue
    return found, len(lines) - len(found)


def write_command(folder: Path) -> None:
    """Add the command of this process, its secrets masked, to those that made the folder; the same one again counts once."""
    script = Path(sys.argv[0])  # a user's own, which calls main(), or ours
    program = [str(script)] if script.suffix == ".py" and script.name != "__main__.py" else ["-m", "lmc_sweeps"]
    line = sealed_line({"command": shlex.join(["python", *redacted_arguments([*program, *sys.argv[1:]])])})
    with locked(folder / COMMANDS):
        known = _contents(folder / COMMANDS).decode(errors="surrogateescape")
        if line not in known.splitlines(keepends=True):
            write_atomically(folder / COMMANDS, (known + line).encode(errors="surrogateescape"))


def _contents(path: Path) -> bytes:
    """Return what a file holds; nothing if it is not there or, which is said in the log, cannot be read."""
    try:
        return read_file(path, MOST_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        log.warning("%s cannot be read (%s); it is written anew.", path, error)
        return b""


def write_config(path: Path, text: str) -> None:
    """Write the config of a sweep, as YAML, its secrets masked."""
    write_atomically(path, redacted_yaml(text).encode())


def conceal(folder: Path) -> None:
    """Mask the secrets in what Hydra has written of a job into its folder; what was masked or has none stays as it is."""
    for path in folder.glob(".hydra/*.yaml"):
        with suppress(OSError, UnicodeDecodeError):
            text = read_file(path, MOST_BYTES).decode()
            if (masked := redacted_yaml(text)) != text:
                write_atomically(path, masked.encode())


def labels(folder: Path) -> dict[str, str]:
    """Return, by run_id, which job of how many each is and what was asked for: ``[3/28] width=8 seed=2``."""
    entries = read_expected(folder)
    return {entry["run_id"]: f"[{k}/{len(entries)}] {entry.get('job', '')}".strip() for k, entry in enumerate(entries, start=1)}
