"""The commands that made a sweep, as they were typed."""

from collections.abc import Sequence
from pathlib import Path

from multirun_analysis.checks import read_file
from multirun_analysis.common.redaction import redacted_command
from multirun_analysis.records.reading import read_json
from multirun_analysis.schema import COMMANDS, open_line

MOST_BYTES = 2**24
LONGEST = 10_000  # letters; a longer one is no command


def load_commands(sweep_dirs: Sequence[Path]) -> list[str]:
    """Return the commands of sweeps without secrets, each once, in the order in which they were first given.

    Lines that cannot be read, or were changed, are left out.
    """
    commands: dict[str, None] = {}
    for folder in sweep_dirs:
        try:
            lines = read_file(folder / COMMANDS, MOST_BYTES).decode(errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            try:
                read_json(line)  # refuses halves of letters
                command = open_line(line)["command"]
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
            if isinstance(command, str) and len(command) <= LONGEST:
                commands[redacted_command(command)] = None
    return list(commands)
