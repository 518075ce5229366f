"""The seconds of the stages, and the line that shows them: on a terminal, if somebody asks for it, and never for what is soon done."""

import io
import sys
import time

import pytest

from lmc_sweeps.own_networks import stages
from lmc_sweeps.own_networks.stages import Stages


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, progress: bool | None, wait: str = "") -> str:
    """Return what two stages write, the second of them until `wait` has been written."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(stages, "SECONDS_BETWEEN", 0.01)
    with Stages(["reading", "matching"], progress) as at:
        at.enter("matching", "weights")
        end = time.monotonic() + 10
        while wait not in stream.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
    return stream.getvalue()


def test_seconds_add_up_to_the_time_in_between():
    start = time.perf_counter()
    with Stages(["reading", "matching", "evaluating"]) as at:
        at.enter("matching")
        at.enter("evaluating", "train")
        at.enter("evaluating", "test")
    assert list(at.seconds) == ["reading", "matching", "evaluating"]
    assert all(seconds >= 0 for seconds in at.seconds.values())
    assert sum(at.seconds.values()) <= time.perf_counter() - start


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("progress", [None, False])
def test_nothing_is_written_of_what_is_soon_done_nor_where_nobody_wants_it(monkeypatch, stream, progress):
    assert run(monkeypatch, stream(), progress) == ""


def test_on_a_terminal_one_line_shows_the_stage_and_is_wiped_at_the_end(monkeypatch):
    text = run(monkeypatch, Terminal(), True, "matching (weights)")
    assert "\rcompare: matching (weights), 0 s" in text
    assert "\n" not in text
    lines = text.split("\r")
    assert lines[-1] == ""
    assert lines[-2].strip() == ""
    assert len(lines[-2]) >= len("compare: matching (weights), 0 s")


def test_on_a_terminal_the_line_comes_by_itself_after_some_seconds(monkeypatch):
    monkeypatch.setattr(stages, "SECONDS_BEFORE", 0.05)
    assert "compare: matching (weights)" in run(monkeypatch, Terminal(), None, "matching")


def test_elsewhere_every_stage_has_a_line_if_it_is_asked_for(monkeypatch):
    assert run(monkeypatch, io.StringIO(), True) == "compare: matching (weights)\n"


def test_a_failure_wipes_the_line_and_stays_what_it_is(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(KeyError), Stages(["reading"], True):
        raise KeyError("x")
    assert "\n" not in stream.getvalue()
