"""The files of networks: what they say without our code, each under its own name only, every changed bit noticed."""

import json
import math
import os
import shutil
from dataclasses import asdict, replace

import pytest
import torch
from small_tasks import network
from stores_of_two import IDENTITIES, A, B, exchange, store_of_two, write_pair

from lmc_sweeps.common.tensor_files import packed, tensors_digest
from lmc_sweeps.jobs.network_files import NETWORK, PARTIAL, SIDECAR, CurvePoint, PartialNetwork, joined, read_curve
from lmc_sweeps.jobs.store import Store


@pytest.fixture
def store(tmp_path) -> Store:
    return store_of_two(tmp_path / "store")


def copied(store):
    for suffix in (NETWORK, SIDECAR):
        shutil.copy(store.path(A, suffix), store.path(B, suffix))


def exchanged(store):
    for suffix in (NETWORK, SIDECAR):
        exchange(store.path(A, suffix), store.path(B, suffix))


def linked(store):
    for suffix in (NETWORK, SIDECAR):
        store.path(B, suffix).unlink()
        os.link(store.path(A, suffix), store.path(B, suffix))


def symbolically_linked(store):
    for suffix in (NETWORK, SIDECAR):
        store.path(B, suffix).unlink()
        store.path(B, suffix).symlink_to(store.path(A, suffix))


@pytest.mark.parametrize("mistaken", [copied, exchanged, linked, symbolically_linked])
def test_a_network_under_the_name_of_another_is_not_taken_for_it(store, caplog, mistaken):
    mistaken(store)
    assert store.find(B) is None
    assert f"is not usable (it is the network {A}, under the name of another); it will be trained again." in caplog.text
    store.save(B, IDENTITIES[1], network(2.0))
    assert torch.equal(store.find(B).parameters["b.weight"], network(2.0).parameters["b.weight"])
    whole = None if mistaken == exchanged else network().parameters["a.bias"]  # a link is replaced, not written through
    stored = store.find(A)
    assert (stored is None) == (whole is None)
    assert whole is None or torch.equal(stored.parameters["a.bias"], whole)


def test_exchanged_sidecars_are_noticed(store, caplog):
    exchange(store.path(A, SIDECAR), store.path(B, SIDECAR))
    assert (store.find(A), store.find(B)) == (None, None)
    assert caplog.text.count("its checksum is not the one in its sidecar") == 2


@pytest.mark.parametrize("identity", [IDENTITIES[1], {**IDENTITIES[0], "width": 4}, {}, [], None, "x"])
def test_an_edited_identity_is_noticed_though_all_checksums_fit(store, identity, caplog):
    write_pair(store, A, identity, network().parameters)
    assert store.find(A) is None
    assert "is not usable" in caplog.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"b.weight": torch.ones(4, 4)}, r"its tensor 'b.weight' is (4, 4) float32, not (3, 4) float32"),
        ({"a.bias": torch.ones(3, dtype=torch.float64)}, r"its tensor 'a.bias' is (3,) float64, not (3,) float32"),
        ({"c": torch.ones(3)}, "its tensors are a.bias, b.weight, c, not a.bias, b.weight"),
    ],
)
def test_tensors_of_another_network_under_the_right_identity_are_noticed_and_replaced(store, caplog, change, why):
    write_pair(store, A, IDENTITIES[0], network().parameters | change)
    assert store.find(A, network().parameters) is None
    assert why in caplog.text
    store.save(A, IDENTITIES[0], network())
    assert store.find(A, network().parameters).facts == network().facts


def test_tensors_come_in_the_order_of_the_template(store):
    for template in (network().parameters, dict(reversed(network().parameters.items()))):
        assert list(store.find(A, template).parameters) == list(template)


def test_a_half_trained_network_under_the_name_of_another_is_not_gone_on_with(store, caplog):
    shutil.copy(store.path(A, PARTIAL), store.path(B, PARTIAL))
    assert store.find_partial(B) is None
    assert f"(it is the network {A}, under the name of another); it will be trained from the start." in caplog.text
    assert store.find_partial(A).step == 5


def test_a_half_trained_network_of_an_earlier_version_is_trained_from_the_start_and_that_is_said(store, caplog):
    flat, words = {"parameters/w": torch.ones(2, 3)}, {"facts": {}, "step": 5, "seconds": 1.0}
    store.path(A, PARTIAL).write_bytes(packed(flat, "partial", words | {"sha256": tensors_digest(flat, words)}))
    assert store.find_partial(A) is None
    assert "it does not say which network it is" in caplog.text


def test_a_sidecar_says_nothing_of_who_trained_the_network_and_where(store):
    assert set(json.loads(store.path(A, SIDECAR).read_text())) == {"sha256", "seconds", "date", "check"}


CURVE = tuple(CurvePoint(epoch, split, loss, 0.1) for epoch, loss in ((0, math.inf), (2, 1 / 3)) for split in ("train", "test"))


def test_a_training_curve_stands_in_the_sidecar_to_the_last_digit_and_in_a_half_trained_network(store):
    name, identity = A, IDENTITIES[0]
    store.path(name).unlink()
    store.save(name, identity, replace(network(), curve=CURVE))
    assert store.find(name).curve == read_curve(store.path(name)) == CURVE
    assert [store.holds(name, epochs) for epochs in ((), (0, 2), (0, 1))] == [True, True, False]
    store.save_partial(name, identity, PartialNetwork({"parameters": {"w": torch.ones(2)}}, 2.0, 5, 1.5, CURVE))
    assert store.find_partial(name).curve == CURVE
    store.path(name, SIDECAR).unlink()
    assert read_curve(store.path(name)) == ()


def test_two_curves_of_a_network_are_one_with_the_points_of_both_and_the_new_ones_where_both_have_some():
    assert joined(CURVE, ()) == joined((), CURVE) == joined(CURVE, CURVE) == CURVE
    new = (CurvePoint(2, "train", 0.25, 0.0), CurvePoint(1, "train", 0.5, 0.0))
    assert [(point.epoch, point.split, point.loss) for point in joined(CURVE, new)] == [
        (0, "train", math.inf), (0, "test", math.inf), (1, "train", 0.5), (2, "train", 0.25), (2, "test", 1 / 3),
    ]  # fmt: skip


def test_a_flipped_bit_in_a_half_trained_network_is_noticed(tmp_path, caplog):
    store = Store(tmp_path)
    partial = PartialNetwork({"parameters": {"w": torch.arange(6.0)}, "momentum": {"w": torch.ones(6)}}, 2.0, 5, 1.5)
    store.save_partial(A, IDENTITIES[0], partial)
    path = store.path(A, ".partial")
    whole = path.read_bytes()
    read = store.find_partial(A)
    assert (read.step, read.seconds, read.loss_initial) == (5, 1.5, 2.0)
    assert torch.equal(read.tensors["momentum"]["w"], torch.ones(6))
    data = len(whole) - 48  # two tensors of six float32 values at the end
    for bit in range(8 * data, 8 * len(whole), 11):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        assert store.find_partial(A) is None
    assert "is not usable" in caplog.text


def test_a_flipped_bit_in_what_is_said_of_a_half_trained_network_is_noticed(tmp_path):
    store = Store(tmp_path)
    partial = PartialNetwork({"parameters": {"w": torch.ones(2, 3)}}, 2.5, 1234, 1.5)
    store.save_partial(A, IDENTITIES[0], partial)
    path = store.path(A, ".partial")
    whole = path.read_bytes()
    length, noticed = len(whole) - 24, 0  # of all but the six numbers at the end
    for byte in range(length):
        broken = bytearray(whole)
        broken[byte] ^= 1 << byte % 8
        path.write_bytes(broken)
        read = store.find_partial(A)
        noticed += read is None
        if read is not None:  # a bit that says nothing
            assert (read.loss_initial, read.step, read.seconds) == (partial.loss_initial, partial.step, partial.seconds)
            assert torch.equal(read.tensors["parameters"]["w"], torch.ones(2, 3))
    assert noticed > 0.9 * length


def test_the_file_says_what_network_it_is_without_our_code(store):
    contents = store.path(A).read_bytes()
    header = json.loads(contents[8 : 8 + int.from_bytes(contents[:8], "little")])  # the safetensors format: length, JSON, tensors
    assert json.loads(header["__metadata__"]["network"]) == {"identity": IDENTITIES[0], "facts": asdict(network().facts)}
    assert header["b.weight"]["shape"] == [3, 4]
