"""Commands of lmc_sweeps typed in this process: for what ends before anything is trained."""

import sys

import pytest

from lmc_sweeps.cli import main


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the output of a command that trains nothing and succeeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lmc-sweeps", *words])
        main()
    return capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the message with which a command is refused: its exit message, and standard error, where Hydra writes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lmc-sweeps", *words])
        with pytest.raises(SystemExit) as end:
            main()
    printed_error = capsys.readouterr().err
    assert end.value.code not in (None, 0)
    assert "Traceback" not in printed_error
    return printed_error if isinstance(end.value.code, int) else f"{end.value.code}\n{printed_error}"
