"""Commands of lmc_sweeps typed in this process: for what ends before anything is trained."""

import sys

import pytest

from lmc_sweeps.cli import main


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command prints that trains nothing and ends well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lmc-sweeps", *words])
        main()
    return capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command says that is refused: in what it ends with, or on standard error before that, as Hydra does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lmc-sweeps", *words])
        with pytest.raises(SystemExit) as end:
            main()
    said = capsys.readouterr().err
    assert end.value.code not in (None, 0)
    assert "Traceback" not in said
    return said if isinstance(end.value.code, int) else f"{end.value.code}\n{said}"
