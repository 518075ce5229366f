"""``lmc-sweeps-store``: what is there, whether it is whole, and making room without losing what is whole or merely cannot be read."""

import errno
import os
import shutil

import pytest
from small_stores import A_PIPE, IDENTITIES, NETWORK_OF, NOT_PERMITTED, A, B, C, damage, make_old, store_of_three

from lmc_sweeps.commands import store as store_command
from lmc_sweeps.commands.store import main
from lmc_sweeps.jobs.identities import network_name
from lmc_sweeps.jobs.network_files import NETWORK, PARTIAL, SIDECAR
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.jobs.store_contents import findings, items


@pytest.fixture
def store(tmp_path):
    return store_of_three(tmp_path / "store")


def run(store, *arguments):
    main([*arguments, "--dir", str(store.folder)])


def files(store):
    return sorted(path.name for path in store.folder.rglob("*") if not path.is_dir())


def whole(*names):
    return sorted(f"{name}{suffix}" for name in names for suffix in (NETWORK, SIDECAR))


def test_the_list_names_every_network_with_its_size_and_the_sum(store, capsys):
    run(store, "list")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == sorted([A, B])
    assert "digits, mlp, width 8, depth 1, seed 3, network 0, sgd" in lines[[A, B].index(min(A, B))]
    assert lines[2].startswith("2 networks, 0.0 MB; 1 half trained, 0.0 MB, in ")


def test_a_damaged_network_is_found_and_pruned_with_half_trained_ones(store, capsys):
    run(store, "verify")
    assert "2 networks are whole, 0 are damaged" in capsys.readouterr().out
    damage(store, B)
    with pytest.raises(SystemExit) as stopped:
        run(store, "verify")
    assert stopped.value.code == 1
    assert f"damaged: {store.path(B)} (its checksum is not the one in its sidecar)" in capsys.readouterr().out
    run(store, "prune")
    assert store.path(C, PARTIAL).is_file()  # kept a moment ago: it may be in training
    make_old(store.path(C, PARTIAL), 2 / 24)
    run(store, "prune")
    assert files(store) == whole(A)


def test_old_networks_go_only_when_that_is_asked_for(store):
    make_old(store.path(A), 10)
    run(store, "prune")
    assert list(store.names()) == sorted([A, B])
    run(store, "prune", "--older-than", "5")
    assert list(store.names()) == [B]


@pytest.mark.parametrize("arguments", [["prune", "--older-than", "-1"], ["list", "--older-than", "3"]])
def test_an_age_that_makes_no_sense_is_refused(store, arguments):
    with pytest.raises(SystemExit, match="`--older-than` goes with prune and must be at least 0, got"):
        run(store, *arguments)


def test_no_store_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("LMC_SWEEPS_STORE", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match="there is no store at '.*nowhere'"):
        main(["list"])


@pytest.mark.parametrize(("name", "suffix"), [(A, NETWORK), (A, SIDECAR), (C, PARTIAL)])
@pytest.mark.parametrize("spoil", [A_PIPE, NOT_PERMITTED])
def test_what_cannot_be_read_is_said_and_left(store, capsys, monkeypatch, name, suffix, spoil):
    before = files(store)
    spoil(store.path(name, suffix), monkeypatch)
    make_old(store.path(name, suffix))
    run(store, "list")
    with pytest.raises(SystemExit) as stopped:
        run(store, "verify")
    assert stopped.value.code == 1
    printed = capsys.readouterr().out
    path = store.path(name, PARTIAL if suffix == PARTIAL else NETWORK)
    assert f"cannot be read: {path} (" in printed
    assert "1 cannot be read" in printed
    run(store, "prune", "--older-than", "0")
    assert f"left as it is, cannot be read: {path} (" in capsys.readouterr().out
    left = {path.name for path in store.folder.rglob("*")}  # old networks that can be read went: that was asked for
    assert left >= {entry for entry in before if entry.startswith(name)}


@pytest.mark.parametrize("contents", [None, b"[]"], ids=["missing", "damaged"])
def test_a_network_whose_sidecar_cannot_vouch_for_it_is_said_and_left_unless_it_is_damaged_itself(store, capsys, contents):
    for name in (A, B):
        sidecar = store.path(name, SIDECAR)
        sidecar.unlink()
        if contents is not None:
            sidecar.write_bytes(contents)
        make_old(store.path(name))
    damage(store, B)
    whole = store.path(A).read_bytes()
    with pytest.raises(SystemExit) as stopped:
        run(store, "verify")
    assert stopped.value.code == 1
    assert "0 networks are whole, 1 have no sidecar that vouches for them, 1 are damaged" in capsys.readouterr().out
    run(store, "prune", "--older-than", "0")
    printed = capsys.readouterr().out
    why = "missing" if contents is None else "damaged"
    assert f"left as it is, without a sidecar that vouches for it: {store.path(A)} (its sidecar is {why}; the next sweep" in printed
    assert store.path(A).read_bytes() == whole
    assert store.path(A, SIDECAR).exists() == (contents is not None)
    assert not store.path(B).exists()
    assert not store.path(B, SIDECAR).exists()
    store.save(A, IDENTITIES[0], NETWORK_OF)  # what the sentence promises of the next sweep
    run(store, "verify")


@pytest.mark.parametrize("before", ["there", "missing"])
def test_a_sidecar_that_was_written_meanwhile_is_not_removed(store, monkeypatch, before):
    new, sidecar = store.path(B, SIDECAR).read_bytes(), store.path(B, SIDECAR)
    damage(store, B)
    sidecar.unlink()
    if before == "there":
        sidecar.write_bytes(b"{}")

    def late(listed):
        for finding in findings(listed):
            sidecar.write_bytes(new)  # a sweep saves the network, and has not come to the second file
            yield finding

    monkeypatch.setattr(store_command, "findings", late)
    run(store, "prune")
    assert sidecar.read_bytes() == new


def test_a_folder_that_cannot_be_looked_into_is_said(store, capsys, monkeypatch):
    closed, listdir = store.path(A).parent, os.listdir

    def refusing(folder):
        if folder == closed:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refusing)
    run(store, "list")
    run(store, "prune")
    with pytest.raises(SystemExit):
        run(store, "verify")
    printed = capsys.readouterr().out
    assert printed.count(f"{closed} cannot be looked into (Permission denied)") == 3
    assert "1 networks are whole, 1 cannot be read, 0 are damaged" in printed
    monkeypatch.undo()
    assert set(whole(A, B)) < set(files(store))


def copy(store, source, target):
    for suffix in (NETWORK, SIDECAR):
        shutil.copy(store.path(source, suffix), store.path(target, suffix))


def test_a_network_under_the_name_of_another_is_said_and_goes_only_if_it_is_whole_in_its_own_place(store, capsys):
    copy(store, A, B)  # B's own is overwritten
    store.path(A).unlink()
    with pytest.raises(SystemExit):
        run(store, "verify")
    printed = capsys.readouterr().out
    assert f"misplaced: {store.path(B)} (it is the network {A}, under the name of another)" in printed
    assert "0 networks are whole, 1 are under a wrong name, 0 are damaged" in printed
    run(store, "prune")
    assert store.path(B).is_file()  # the only one that there is of A: to be renamed
    copy(store, B, A)
    run(store, "prune")
    assert files(store) == sorted([*whole(A), f"{C}{PARTIAL}"])


def test_what_kills_have_left_is_found_and_removed_but_not_that_of_a_running_process(store, capsys):
    folder = store.path(A).parent
    left = [folder / f".{A}{NETWORK}.4711.0a1b2c3d.tmp", folder / f".{A}{SIDECAR}.lock", folder / ".newabcd_123" / f"{A}{NETWORK}"]
    left.append(store.path(network_name({"network": 9}), SIDECAR))
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half of it")
    run(store, "prune")
    assert all(path.is_file() for path in left)  # a moment old: their process may run
    for path in (*left, folder / ".newabcd_123"):
        make_old(path)
    run(store, "list")
    assert "3 files of processes that write or were killed" in capsys.readouterr().out
    run(store, "verify")
    printed = capsys.readouterr().out
    assert "4 files are left over" in printed
    run(store, "prune")
    assert not any(path.exists() for path in (*left, folder / ".newabcd_123"))
    assert set(whole(A, B)) < set(files(store))


def test_a_half_trained_network_under_the_name_of_another_goes_if_there_is_one_in_its_place(store, capsys):
    shutil.copy(store.path(C, PARTIAL), store.path(A, PARTIAL))
    store.path(C, PARTIAL).rename(store.folder / "half")
    run(store, "prune")
    assert f"left as it is, misplaced: {store.path(A, PARTIAL)} (it is the network {C}" in capsys.readouterr().out
    (store.folder / "half").rename(store.path(C, PARTIAL))
    run(store, "prune")
    assert files(store) == sorted([*whole(A, B), f"{C}{PARTIAL}"])


def test_files_that_vanish_while_the_store_is_looked_at_are_left_out(store, monkeypatch, capsys):
    damage(store, B)
    listed, _ = items(store)
    run(store, "prune", "--older-than", "0")  # another prune
    assert [finding.item.path for finding in findings(listed)] == [store.path(C, PARTIAL)]
    assert list(store_command.entries(listed)) == []
    monkeypatch.setattr(store_command, "items", lambda store: (listed, []))
    for command in ("list", "verify", "prune"):
        run(store, command)
    assert "0 networks are whole, 0 are damaged" in capsys.readouterr().out


def test_a_network_that_a_sweep_has_written_meanwhile_is_not_removed(store, monkeypatch):
    damage(store, B)

    def late(listed):
        for finding in findings(listed):
            store.save(B, IDENTITIES[1], NETWORK_OF)
            yield finding

    monkeypatch.setattr(store_command, "findings", late)
    run(store, "prune")
    assert store.find(B) is not None


def test_what_cannot_be_removed_is_said_and_the_rest_goes(store, monkeypatch, capsys):
    damage(store, A)
    damage(store, B)
    unlink = os.unlink

    def refusing(path, **more):
        if str(path) == str(store.path(min(A, B))):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(path))
        unlink(path, **more)

    monkeypatch.setattr(os, "unlink", refusing)
    with pytest.raises(SystemExit) as stopped:
        run(store, "prune")
    assert stopped.value.code == 1
    assert f"cannot be removed: {store.path(min(A, B))} (Operation not permitted)" in capsys.readouterr().out
    assert files(store) == sorted([*whole(min(A, B)), f"{C}{PARTIAL}"])


@pytest.mark.parametrize("letters", ["with spaces", "ünï-çødé", "100%s [a-b]* {x}", "-rf"])
def test_a_store_may_lie_anywhere(tmp_path, letters, capsys):
    store = Store(tmp_path / letters / "store")
    store.save(A, IDENTITIES[0], NETWORK_OF)
    damage(store, A)
    with pytest.raises(SystemExit):
        run(store, "verify")
    run(store, "prune")
    assert files(store) == []
    assert f"removed {store.path(A)}" in capsys.readouterr().out


def test_letters_that_a_terminal_obeys_are_not_printed(store, capsys):
    identity = {**IDENTITIES[0], "model": {"name": "mlp\x1b]52;c;aGk=\x07\n"}}
    store.save(network_name(identity), identity, NETWORK_OF)
    run(store, "list")
    printed = capsys.readouterr().out
    assert r"mlp\x1b]52;c;aGk=\x07\n" in printed
    assert "\x1b" not in printed
