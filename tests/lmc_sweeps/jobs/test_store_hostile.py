"""A store that is not as it was left: files that are no files, files of other people, kills at any moment."""

import errno
import os
import stat

import pytest
import torch
from no_files import a_device, a_folder, a_pipe
from small_tasks import network, task
from stores_of_two import HALF, IDENTITIES, A, B, store_of_two, write_pair

from lmc_sweeps.jobs.network_files import NETWORK, PARTIAL, SIDECAR, PartialNetwork
from lmc_sweeps.jobs.stacks import train_all
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.training.recipe import Training


@pytest.fixture
def store(tmp_path) -> Store:
    return store_of_two(tmp_path / "store")


def test_a_network_of_another_width_in_its_place_is_trained_again(tmp_path, caplog):
    one, wide = task(), task(width=7)
    store = Store(tmp_path)
    (trained,) = [stack[one.name] for stack in train_all([one], store, lambda steps: None)]
    write_pair(store, one.name, one.identity, wide.initial())
    assert store.find(one.name, one.template) is None
    assert "its tensor 'hidden_1.bias' is (7,) float32, not (6,) float32" in caplog.text
    (again,) = [stack[one.name] for stack in train_all([one], store, lambda steps: None)]
    stack = store.find(one.name, one.template)
    for key, tensor in trained.parameters.items():
        assert torch.equal(again.parameters[key], tensor)
        assert torch.equal(stack.parameters[key], tensor)


@pytest.mark.parametrize(
    ("kinds", "step"),
    [(["parameters", "momentum"], 3), (["parameters"], 3), ([], 3), (["parameters", "momentum"], 12), (["parameters"], 0)],
)
def test_a_half_trained_network_that_does_not_fit_its_task_is_trained_from_the_start(tmp_path, caplog, kinds, step):
    one, store = task(training=Training(epochs=3, batch_size=16)), Store(tmp_path)
    tensors = {kind: task(width=40).initial() for kind in kinds}  # of a width that is not its own
    store.save_partial(one.name, one.identity, PartialNetwork(tensors, 1.0, step, 1.0))
    steps: list[int] = []
    (trained,) = [stack[one.name] for stack in train_all([one], store, steps.append)]
    (expected,) = [stack[one.name] for stack in train_all([one], Store(None), lambda steps: None)]
    assert sum(steps) == 12
    assert trained.facts == expected.facts
    assert "trained from the start" in caplog.text


def an_oversized_file(path):
    with path.open("wb") as stream:
        stream.truncate(2**32 + 1)  # without a byte on the disk


NO_FILES = [a_pipe, a_device, a_folder, an_oversized_file]


@pytest.mark.parametrize("make", NO_FILES)
@pytest.mark.parametrize("suffix", [NETWORK, SIDECAR])
def test_what_is_no_file_in_the_place_of_a_network_hangs_nobody_and_is_left(store, caplog, make, suffix):
    store.path(A, suffix).unlink()
    make(store.path(A, suffix))
    kind = store.path(A, suffix).lstat().st_mode
    assert store.find(A) is None
    assert "cannot be read: they are trained here, what lies there is left as it is" in caplog.text
    store.save(A, IDENTITIES[0], network())
    assert store.path(A, suffix).lstat().st_mode == kind
    assert store.find(B) is not None


@pytest.mark.parametrize("make", NO_FILES)
def test_what_is_no_file_in_the_place_of_a_half_trained_network_hangs_nobody(store, caplog, make):
    store.path(A, PARTIAL).unlink()
    make(store.path(A, PARTIAL))
    assert store.find_partial(A) is None
    assert "will be trained from the start" in caplog.text
    store.save_partial(A, IDENTITIES[0], HALF)
    store.save(A, IDENTITIES[0], network())
    assert store.find_partial(B).step == 5


def refuse(monkeypatch, suffix, reason):
    """Let the opening of some files fail as it does for another user's, or on a disk with faults: root would be let in."""
    opened = os.open

    def refusing(path, flags, *arguments, **more):
        if str(path).endswith(suffix) and not flags & os.O_CREAT:
            raise OSError(reason, os.strerror(reason), str(path))
        return opened(path, flags, *arguments, **more)

    monkeypatch.setattr(os, "open", refusing)


@pytest.mark.parametrize("reason", [errno.EACCES, errno.EIO, errno.ENFILE, errno.ESTALE], ids=errno.errorcode.get)
@pytest.mark.parametrize("suffix", [NETWORK, SIDECAR])
def test_a_network_that_cannot_be_read_is_trained_here_and_what_lies_there_stays(store, monkeypatch, caplog, reason, suffix):
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in (store.path(A), store.path(A, SIDECAR))}
    with monkeypatch.context() as patch:
        refuse(patch, suffix, reason)
        assert store.find(A) is None
        assert store.find(B) is None
        store.save(A, IDENTITIES[0], network(5.0))
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in before} == before
    (message,) = caplog.messages  # once for all networks
    assert os.strerror(reason) in message
    assert store.find(A).facts == network().facts


def test_a_half_trained_network_that_cannot_be_read_is_not_taken_over(store, monkeypatch):
    whole = store.path(A, PARTIAL).read_bytes()
    with monkeypatch.context() as patch:
        refuse(patch, PARTIAL, errno.EACCES)
        assert store.find_partial(A) is None
        store.save_partial(A, IDENTITIES[0], PartialNetwork(HALF.tensors, HALF.loss_initial, 6, 2.0))
    assert store.path(A, PARTIAL).read_bytes() == whole


@pytest.mark.parametrize(("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o002, 0o664, 0o775), (0o077, 0o600, 0o700)])
def test_rights_follow_the_umask(tmp_path, umask, file, folder):
    store, before = Store(tmp_path / "store"), os.umask(umask)
    try:
        store.save(A, IDENTITIES[0], network())
        store.save_partial(B, IDENTITIES[1], HALF)
    finally:
        os.umask(before)
    rights = {path: stat.S_IMODE(path.stat().st_mode) for path in (store.folder, *store.folder.rglob("*"))}
    assert len(rights) == 6
    assert {path.name: mode for path, mode in rights.items()} == {path.name: folder if path.is_dir() else file for path in rights}


def test_a_whole_network_stays_as_it_is(store):
    before = [(path.read_bytes(), path.stat().st_ino) for path in (store.path(A), store.path(A, SIDECAR))]
    store.save(A, IDENTITIES[0], network(seconds=99.0))
    assert [(path.read_bytes(), path.stat().st_ino) for path in (store.path(A), store.path(A, SIDECAR))] == before
    assert not store.path(A, PARTIAL).exists()


class Killed(BaseException):
    """What a kill is to the code: no line after it is run, not even that which tidies up."""


@pytest.mark.parametrize("present", ["nothing", "a whole network", "a damaged network", "a network without its sidecar"])
def test_a_kill_at_any_moment_of_a_save_leaves_a_network_that_is_whole_or_trained_again(tmp_path, monkeypatch, present):
    def prepared(k):
        store = Store(tmp_path / f"store_{k}")
        store.save_partial(A, IDENTITIES[0], HALF)
        if present != "nothing":
            store.save(A, IDENTITIES[0], network())
            store.save_partial(A, IDENTITIES[0], HALF)
        if present == "a damaged network":
            store.path(A).write_bytes(store.path(A).read_bytes()[:-1])
        if present == "a network without its sidecar":
            store.path(A, SIDECAR).unlink()
        return store

    for k in range(100):
        store = prepared(k)
        calls = []

        def killing(call, last=k, calls=calls):
            def counted(*arguments, **more):
                calls.append(call.__name__)
                if len(calls) > last:
                    raise Killed
                return call(*arguments, **more)

            return counted

        with monkeypatch.context() as patch:
            for call in ("replace", "fsync", "unlink"):
                patch.setattr(os, call, killing(getattr(os, call)))
            try:
                store.save(A, IDENTITIES[0], network())
                break
            except Killed:
                pass
        stored = store.find(A)
        assert present != "a whole network" or stored is not None
        assert stored is not None or store.find_partial(A) is not None  # what was half trained goes last
        store.save(A, IDENTITIES[0], network())
        assert store.find(A).facts == network().facts
    assert k == (1 if present == "a whole network" else 6)  # moments, of which each was the last once


def test_networks_are_on_the_disk_before_what_was_there_is_removed(tmp_path, monkeypatch):
    store, events = Store(tmp_path), []
    store.save_partial(A, IDENTITIES[0], HALF)

    def name_of_open(number):
        return next(path.name for path in tmp_path.rglob("*") if path.stat().st_ino == os.fstat(number).st_ino)

    def noting(call, name):
        def record_call(path, *more, **others):
            events.append((call.__name__, name(path)))
            return call(path, *more, **others)

        return record_call

    for call, name in ((os.fsync, name_of_open), (os.replace, os.path.basename), (os.unlink, os.path.basename)):
        monkeypatch.setattr(os, call.__name__, noting(call, name))
    store.save(A, IDENTITIES[0], network())
    kinds = [(kind, next((suffix for suffix in (SIDECAR, NETWORK, PARTIAL) if suffix in name), name)) for kind, name in events]
    written = [("fsync", SIDECAR), ("replace", SIDECAR), ("fsync", NETWORK), ("replace", NETWORK)]
    assert kinds == [*written, ("fsync", A[:2]), ("unlink", PARTIAL)]
