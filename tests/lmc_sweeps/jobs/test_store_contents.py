"""What lies in a store: whole, damaged, without a sidecar that vouches for it, misplaced, unreadable, or left over."""

import json
import shutil

import pytest
from small_stores import HALF, IDENTITIES, LEADS_NOWHERE, NETWORK_OF, UNREAD, A, B, C, damage, make_old, store_of_three

from lmc_sweeps.common.tensor_files import words_digest
from lmc_sweeps.jobs.identities import network_name
from lmc_sweeps.jobs.network_files import NETWORK, PARTIAL, SIDECAR
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.jobs.store_contents import State, findings, is_whole, items


@pytest.fixture
def store(tmp_path):
    return store_of_three(tmp_path / "store")


def states(store) -> dict[str, State]:
    """Return what the files of a store are found to be, by their names."""
    return {finding.item.path.name: finding.state for finding in findings(items(store)[0])}


def test_whole_networks_and_one_that_is_in_training_are_whole(store):
    assert states(store) == {f"{A}{NETWORK}": State.WHOLE, f"{B}{NETWORK}": State.WHOLE, f"{C}{PARTIAL}": State.WHOLE}
    assert [is_whole(store.path(name)) for name in (A, B, C)] == [True, True, False]
    assert is_whole(store.path(C, PARTIAL))


def test_a_damaged_network_is_found_with_its_sidecar(store):
    damage(store, B)
    (finding,) = [finding for finding in findings(items(store)[0]) if finding.state != State.WHOLE]
    assert (finding.state, finding.why) == (State.DAMAGED, "its checksum is not the one in its sidecar")
    assert finding.sidecar.path == store.path(B, SIDECAR)
    assert not is_whole(store.path(B))


SPOILT = [(name, suffix, spoil) for name, suffix in ((A, NETWORK), (A, SIDECAR), (C, PARTIAL)) for spoil in UNREAD]
SPOILT.remove((A, SIDECAR, LEADS_NOWHERE))  # then there is no sidecar, which is another finding


@pytest.mark.parametrize(("name", "suffix", "spoil"), SPOILT)
def test_what_cannot_be_read_is_found_to_be_that_whatever_its_age(store, monkeypatch, name, suffix, spoil):
    spoil(store.path(name, suffix), monkeypatch)
    make_old(store.path(name, suffix))
    path = store.path(name, PARTIAL if suffix == PARTIAL else NETWORK)
    assert states(store)[path.name] == State.UNREAD
    assert not is_whole(path)


def checked(words):
    """Return the text of a sidecar whose check fits, whatever it says."""
    return json.dumps(words | {"check": words_digest(words)})


SIDECARS = {
    "missing": None,
    "empty": "",
    "truncated": '{"check": "0',
    "malformed": "{'check': 0}",
    "too deep": "[" * 100_000,
    "no text": b"\xff\xfe\x00",
    "a list": "[]",
    "a number": "1",
    "null": "null",
    "without a check": '{"sha256": "0", "seconds": 1}',
    "with another check": '{"sha256": "0", "seconds": 1, "check": "0"}',
    "without a checksum": checked({"seconds": 1}),
    "without seconds": checked({"sha256": "0"}),
    "with seconds of another type": checked({"sha256": "0", "seconds": []}),
    "with a checksum of another type": checked({"sha256": 5, "seconds": 1}),
}


@pytest.mark.parametrize("contents", SIDECARS.values(), ids=SIDECARS)
def test_a_network_whose_sidecar_cannot_vouch_for_it_is_not_damaged_unless_that_shows_without_one(store, contents):
    for name in (A, B):
        sidecar = store.path(name, SIDECAR)
        sidecar.unlink()
        if contents is not None:
            sidecar.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    damage(store, B)
    by_path = {finding.item.path: finding for finding in findings(items(store)[0])}
    assert by_path[store.path(A)].state == State.UNVOUCHED
    assert by_path[store.path(A)].why.startswith(f"its sidecar is {'missing' if contents is None else 'damaged'}; the next sweep")
    assert by_path[store.path(B)].state == State.DAMAGED
    store.save(A, IDENTITIES[0], NETWORK_OF)  # what the sentence promises of the next sweep
    assert states(store)[f"{A}{NETWORK}"] == State.WHOLE


def test_a_network_in_another_place_is_found_with_the_name_that_is_its_own(store):
    for suffix in (NETWORK, SIDECAR):
        shutil.copy(store.path(A, suffix), store.path(B, suffix))
    shutil.copy(store.path(C, PARTIAL), store.path(A, PARTIAL))
    (store.folder / "00").mkdir()
    shutil.copy(store.path(C, PARTIAL), store.folder / "00")  # under its own name, in a folder where nobody looks for it
    misplaced = {finding.item.path: finding.name for finding in findings(items(store)[0]) if finding.state == State.MISPLACED}
    assert misplaced == {store.path(B): A, store.path(A, PARTIAL): C, store.folder / "00" / f"{C}{PARTIAL}": C}


def test_what_kills_have_left_is_left_over_once_it_is_an_hour_old(store):
    folder = store.path(A).parent
    left = [folder / f".{A}{NETWORK}.4711.0a1b2c3d.tmp", folder / f".{A}{SIDECAR}.lock", folder / ".newabcd_123"]
    left += [store.path(network_name({"network": 9}), SIDECAR), store.path(C, PARTIAL)]
    for path in left[:4]:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half of it")
    assert State.LEFT not in states(store).values()  # a moment old: their process may run
    for path in left:
        make_old(path)
    assert {name for name, state in states(store).items() if state == State.LEFT} == {path.name for path in left}


def test_a_half_trained_network_that_is_finished_is_left_over_whatever_its_age(store):
    store.save_partial(A, IDENTITIES[0], HALF)
    assert states(store)[f"{A}{PARTIAL}"] == State.LEFT


def test_files_that_are_none_of_a_stores_business_are_not_found_to_be_anything(store):
    foreign = [store.folder / "models.safetensors", store.folder / "v1" / "model.safetensors", store.folder / "v1" / "notes.json"]
    foreign += [store.folder / ".newabcd_123", store.folder / "v1" / ".swap.tmp", store.folder / "v1" / "half.partial"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"somebody's")
        make_old(path)
    assert not {path.name for path in foreign} & set(states(store))


def test_a_file_that_was_written_anew_or_is_gone_is_not_the_one_that_was_listed(store):
    listed, _ = items(store)
    (item,) = [item for item in listed if item.path == store.path(B)]
    assert item.is_same()
    damage(store, B)
    assert not item.is_same()
    store.path(B).unlink()
    assert not item.is_same()


def test_a_store_that_keeps_nothing_and_one_that_is_not_there_hold_nothing(tmp_path):
    assert items(Store(None)) == ([], [])
    assert items(Store(tmp_path / "nowhere")) == ([], [f"{tmp_path / 'nowhere'} cannot be looked into (No such file or directory)"])
