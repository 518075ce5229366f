"""One thread: set for a block or a function, and put back."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from lmc_sweeps.common.threads import callers_threads, one_thread


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.mark.parametrize("blas", [1, 2])
def test_a_block_within_a_block_changes_nothing_and_an_error_puts_back_what_was_set(blas: int) -> None:

    @one_thread()
    def work() -> None:
        with one_thread():
            pass
        assert (torch.get_num_threads(), set(blas_threads()) <= {1}) == (1, True)
        raise KeyError

    with threadpool_limits(limits=blas, user_api="blas"):
        before = blas_threads()
        with pytest.raises(KeyError):
            work()
        assert (torch.get_num_threads(), blas_threads()) == (3, before)


def test_a_function_that_is_decorated_may_call_itself_and_may_be_called_again() -> None:
    @one_thread()
    def inside(calls: int) -> list[int]:
        return [torch.get_num_threads(), *(inside(calls - 1) if calls else [])]

    assert inside(2) == inside(2) == [1, 1, 1]
    assert torch.get_num_threads() == 3


def test_the_blas_of_the_process_stays_at_one_thread_until_the_last_thread_of_python_has_left_its_block() -> None:
    before, entered, leave = blas_threads(), threading.Event(), threading.Event()

    def other() -> None:
        with one_thread():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    thread.start()
    entered.wait()
    with one_thread():
        pass
    still = blas_threads()
    leave.set()
    thread.join()
    assert set(still) <= {1}
    assert torch.get_num_threads() == 3
    assert blas_threads() == before


def test_the_callers_number_of_threads_comes_back_inside_of_a_block_and_goes_after_an_error() -> None:
    with callers_threads():
        assert torch.get_num_threads() == 3
    with one_thread():
        with pytest.raises(KeyError, match="3"), callers_threads():
            raise KeyError(torch.get_num_threads())
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_a_blas_that_is_loaded_after_the_first_block_is_limited_too() -> None:
    script = (
        "from threadpoolctl import threadpool_info; from lmc_sweeps.common.threads import one_thread\n"
        "with one_thread(): pass\n"
        "import scipy.linalg\n"
        "with one_thread(): print({each['num_threads'] for each in threadpool_info()})\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment).stdout == "{1}\n"
