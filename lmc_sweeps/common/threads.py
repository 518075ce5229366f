"""One thread: what is computed has the same bits however many cores there are, and whatever a user has set.

A library that divides a sum among threads adds it up in another order for every number of them, and the last bits differ. So all numbers
that are kept are computed by one thread: in the public functions that compute them, whoever calls these.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import torch
from threadpoolctl import ThreadpoolController

_here = threading.local()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread in a block, or in a function that it decorates, and put back what was set before.

    PyTorch's threads (and its MKL's) are set for the calling thread of Python, those of NumPy's BLAS for the process. Within another
    such block nothing is left to do, and nothing is done.
    """
    if getattr(_here, "is_one", False):
        yield
        return
    before = torch.get_num_threads()
    try:
        _here.is_one, _here.before = True, before
        torch.set_num_threads(1)
        with _blas:
            yield
    finally:
        torch.set_num_threads(before)
        _here.is_one = False


@contextmanager
def callers_threads() -> Iterator[None]:
    """Within `one_thread`, compute with as many threads of PyTorch's as were set before it: for networks whose bits are not promised."""
    inside = getattr(_here, "is_one", False)
    if inside:
        torch.set_num_threads(_here.before)
    try:
        yield
    finally:
        if inside:
            torch.set_num_threads(1)


class _Blas:
    """NumPy's BLAS with one thread, as long as any thread of Python is in a block.

    There is a second reason beside the bits: after a product OpenBLAS's threads keep a core busy for tens of milliseconds, waiting for the
    next one. Measured, torch's products that follow take four times as long. One thread has no company to wait for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limit: AbstractContextManager[Any] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._limit = _controller("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas")
                self._limit.__enter__()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._limit is not None:
                self._limit.__exit__(None, None, None)


_blas = _Blas()


@cache
def _controller(has_scipy: bool) -> ThreadpoolController:
    """Return what sets the threads of NumPy's BLAS, and of SciPy's own where that is loaded by now; looking for them takes milliseconds."""
    return ThreadpoolController()
