"""Interruptions: SIGTERM is one, they wait for the end of a step, and what was trained until then is kept."""

import os
import signal

import pytest

from lmc_sweeps.common.interruption import Interruption, Terminated, sigterm_interrupts


def send(number):
    os.kill(os.getpid(), number)


def test_sigterm_interrupts_work_as_ctrl_c_does():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), sigterm_interrupts():
        send(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_an_interruption_is_put_off_until_it_is_called_for(number, kind):
    steps = []

    def work():
        with sigterm_interrupts(), Interruption() as interruption:
            assert not interruption.is_pending
            send(number)
            assert interruption.is_pending
            steps.append("the step")
            interruption.happen()
            steps.append("more")

    with pytest.raises(kind):
        work()
    assert steps == ["the step"]


def test_an_interruption_comes_at_the_end_of_what_it_waits_for():
    steps = []

    def work():
        with Interruption():
            send(signal.SIGINT)
            steps.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["all of it"]


def test_a_second_signal_is_not_put_off():
    steps = []

    def work():
        with Interruption():
            send(signal.SIGINT)
            send(signal.SIGINT)
            steps.append("not this")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == []


def test_a_signal_that_is_ignored_goes_on_being_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            send(signal.SIGTERM)
            assert not interruption.is_pending
    finally:
        signal.signal(signal.SIGTERM, before)
