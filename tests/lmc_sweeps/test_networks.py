"""`load_networks`: the modules of a record compute the numbers of the record."""

import os
import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_jobs import small_job
from torch import nn

from lmc_sweeps import load_networks, models
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Data
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.network_files import NETWORK, SIDECAR
from lmc_sweeps.jobs.records import read_record, write_failure, write_record
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Sgd
from multirun_analysis.schema import SCHEMA_VERSION

DATA = Digits().load()


def run(folder, **changes) -> dict:
    settings = {
        "width": 8, "depth": 2, "networks": 3, "seed": 4, "model": Mlp(activation="tanh"), "matching": (Weights(), Activations()),
        "points": 3, "store": folder / "store",
    }  # fmt: skip
    return run_job(small_job(**settings | changes), folder / "job")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    run(folder)
    return folder


def scores(module: nn.Module, data: Data, split: str) -> tuple[float, float]:
    part = getattr(data, split)
    with torch.no_grad():
        logits = module(part.inputs)
    return float(F.cross_entropy(logits, part.labels)), float((logits.argmax(1) != part.labels).double().mean())


def halfway(a: nn.Module, b: nn.Module) -> dict[str, torch.Tensor]:
    return {name: (tensor + b.state_dict()[name]) / 2 for name, tensor in a.state_dict().items()}


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2)])
def test_the_modules_reproduce_the_end_points_and_the_midpoints_of_the_record(finished, pair):
    record = read_record(finished / "job")
    names = [record["networks"][k]["name"] for k in pair]
    loaded = load_networks(finished / "job", pair)
    assert sorted(loaded.aligned) == ["activations", "identity", "weights"]
    rows = [row for row in record["runs"] if [row["network_a"], row["network_b"]] == names]
    assert len(rows) == 6
    for row in rows:
        aligned = loaded.aligned[row["matching"]]
        middle = load_networks(finished / "job", pair).network_a
        middle.load_state_dict(halfway(loaded.network_a, aligned))
        for module, suffix in ((loaded.network_a, "a"), (loaded.network_b, "b"), (aligned, "b"), (middle, "midpoint")):
            loss, error = scores(module, DATA, row["split"])
            np.testing.assert_allclose(row[f"loss_{suffix}"], loss, rtol=1e-5)  # float32, other orders of summation
            np.testing.assert_allclose(row[f"error_{suffix}"], error, rtol=1e-12)


def test_aligned_modules_are_b_with_its_neurons_reordered(finished):
    loaded = load_networks(finished / "job")
    b = loaded.network_b.state_dict()
    for method, module in loaded.aligned.items():
        maps, state = loaded.permutations[method], module.state_dict()
        assert torch.equal(state["hidden_1.weight"], b["hidden_1.weight"][maps["hidden_1"]])
        assert torch.equal(state["hidden_2.bias"], b["hidden_2.bias"][maps["hidden_2"]])
        assert torch.equal(state["hidden_2.weight"], b["hidden_2.weight"][maps["hidden_2"]][:, maps["hidden_1"]])
        assert torch.equal(state["output.weight"], b["output.weight"][:, maps["hidden_2"]])
    np.testing.assert_array_equal(loaded.permutations["identity"]["hidden_1"], np.arange(8))
    assert not np.array_equal(loaded.permutations["weights"]["hidden_1"], np.arange(8))


def test_modules_are_in_evaluation_mode_and_a_record_can_be_named_by_its_file_or_its_folder(finished):
    by_folder, by_file = load_networks(str(finished / "job")), load_networks(finished / "job" / "record.json")
    for one, other in ((by_folder.network_a, by_file.network_a), (by_folder.aligned["weights"], by_file.aligned["weights"])):
        assert not one.training
        for name, tensor in one.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[name])


def test_a_method_with_two_settings_is_named_with_their_hash(finished, tmp_path):
    run(tmp_path, networks=2)
    run(tmp_path, networks=2, matching=(Weights(biases=True),))
    hashes = [method.settings_hash() for method in (Weights(), Weights(biases=True))]
    loaded = load_networks(tmp_path / "job")
    assert sorted(loaded.aligned) == sorted(["activations", "identity", *(f"weights.{settings_hash}" for settings_hash in hashes)])


def test_the_store_may_have_moved(tmp_path):
    run(tmp_path, networks=2)
    (tmp_path / "store").rename(tmp_path / "moved")
    with pytest.raises(InputError, match=f"is not in the store {tmp_path / 'store'}; run its job again, or pass `store`"):
        load_networks(tmp_path / "job")
    loaded = load_networks(tmp_path / "job", store=tmp_path / "moved")
    row = read_record(tmp_path / "job")["runs"][0]
    np.testing.assert_allclose(scores(loaded.network_a, DATA, "train")[0], row["loss_a"], rtol=1e-5)


def test_a_diverged_record_has_no_aligned_networks(tmp_path):
    run(tmp_path, networks=2, optimizer=Sgd(lr=1e30), model=Mlp())
    loaded = load_networks(tmp_path / "job")
    assert (loaded.aligned, loaded.permutations) == ({}, {})


def test_networks_that_were_not_kept_cannot_be_loaded(tmp_path):
    run(tmp_path, networks=2, store=None)
    with pytest.raises(InputError, match=r"`store\.dir` is null, so trained networks are not kept|is not in the store None"):
        load_networks(tmp_path / "job")


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (0, 3), (-1, 1), (0, 1, 2), (0,)])
def test_a_pair_that_is_not_in_the_record_is_refused(finished, pair):
    text = str(pair).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(InputError, match=rf"`pair` must be two numbers of networks below 3, the smaller first, got {text}\."):
        load_networks(finished / "job", pair)


def refused(finished, words, **arguments) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(words)}"):
        load_networks(finished, **arguments)


def test_what_is_no_finished_record_is_called_what_it_is(finished, tmp_path):
    refused(tmp_path, f"'{tmp_path}' holds no record.json: it is not the folder of a job that has finished.")
    refused(tmp_path / "nowhere", f"there is no folder '{tmp_path / 'nowhere'}'.")
    refused(finished, f"'{finished}' is a sweep of 1 jobs: name the folder of one, e.g. '{finished / 'job'}'.")
    write_failure(tmp_path, "abc", {}, "MemoryError: none left.")
    refused(
        tmp_path / "record.json",
        f"'{tmp_path}' holds no finished record.json; the job ended as 'failed': MemoryError: none left. Run the job again.",
    )


@pytest.mark.parametrize("damage", [lambda text: text[:-40], lambda text: text.replace("0.", "0.1", 1), lambda text: "", lambda text: "[]"])
def test_a_damaged_record_is_called_damaged(finished, tmp_path, damage):
    text = (finished / "job" / "record.json").read_text()
    (tmp_path / "record.json").write_text(damage(text))
    refused(tmp_path, f"'{tmp_path / 'record.json'}' is damaged, or was changed after it was written; remove it and run the job again.")


def changed(finished, folder, change) -> None:
    """Write a record with something else in it, under a seal of its own."""
    record = read_record(finished / "job")
    change(record)
    write_record(folder, record)


def test_a_record_of_a_later_version_or_of_other_parts_is_not_guessed_at(finished, tmp_path):
    changed(finished, tmp_path, lambda record: record.update(schema_version=99))
    refused(tmp_path, f"{tmp_path / 'record.json'} has schema version 99; this lmc_sweeps reads up to {SCHEMA_VERSION}. Use a newer one.")
    changed(finished, tmp_path, lambda record: record["config"]["model"].update(name="tapered"))
    refused(
        tmp_path,
        "`model.name` of the record must be one of cnn, gpt, mean_field, mlp, resnet, vgg, vit, got 'tapered'. A model of your own is added",
        store=finished / "store",
    )
    changed(finished, tmp_path, lambda record: record["config"]["model"].update(skips=True))
    refused(
        tmp_path, "the record's model, 'mlp', has the setting 'skips', which this version of it does not know.", store=finished / "store"
    )


def exchange(store, names):
    for suffix in (NETWORK, SIDECAR):
        one, other = (store.path(name, suffix) for name in names)
        beside = one.with_name("beside")
        one.rename(beside)
        other.rename(one)
        beside.rename(other)


def cut_off(store, names):
    path = store.path(names[0])
    path.write_bytes(path.read_bytes()[:-1])


def make_a_pipe(store, names):
    store.path(names[0]).unlink()
    os.mkfifo(store.path(names[0]))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (exchange, r"is not usable \(it is the network .*, under the name of another\); remove it and the job's record\.json"),
        (cut_off, r"is not usable \(its checksum is not the one in its sidecar\); remove it and the job's record\.json"),
        (make_a_pipe, r"cannot be read: .*it is a pipe or a device, not a regular file"),
    ],
)
def test_a_stored_network_that_is_not_what_the_record_names_is_refused(tmp_path, spoil, sentence):
    record = run(tmp_path, networks=2)
    spoil(Store(tmp_path / "store"), [network["name"] for network in record["networks"]])
    with pytest.raises(InputError, match=sentence):
        load_networks(tmp_path / "job")


@dataclass(frozen=True, kw_only=True)
class Chosen(Mlp):
    """A model of one's own whose networks depend on a text that the environment may hold."""

    name: ClassVar[str] = "chosen"
    site: str = "tanh"

    def architecture(self, shape):
        return Mlp(activation=self.site).architecture(shape)


def test_what_a_record_does_not_tell_is_looked_up_again_and_must_be_what_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "choices", lambda: {"chosen": Chosen})
    outside = (("model.site", "${oc.env:SITE}"), ("store.dir", "${oc.env:PLACE}/store"))
    record = run(tmp_path, networks=2, model=Chosen(site="tanh"), from_environment=outside)
    assert record["config"]["store"] == "${oc.env:PLACE}/store"
    with pytest.raises(
        InputError, match=re.escape("the record's store is '${oc.env:PLACE}/store', and the environment variable PLACE is not")
    ):
        load_networks(tmp_path / "job")
    monkeypatch.setenv("PLACE", str(tmp_path))
    with pytest.raises(InputError, match="from '.*oc.env:SITE.*', and the environment variable SITE is not set; set it as it was"):
        load_networks(tmp_path / "job")
    monkeypatch.setenv("SITE", "relu")
    with pytest.raises(InputError, match="which is something else here; set it as it was"):
        load_networks(tmp_path / "job")
    monkeypatch.setenv("SITE", "tanh")
    pair = load_networks(tmp_path / "job")
    row = next(row for row in record["runs"] if row["split"] == "test" and row["matching"] == "identity")
    assert scores(pair.network_a, DATA, "test") == pytest.approx((row["loss_a"], row["error_a"]), rel=1e-5)


def test_a_model_is_given_the_axes_of_an_example_that_a_record_tells(tmp_path, monkeypatch):
    record, shapes, architecture = run(tmp_path), [], Mlp.architecture
    vectors = load_networks(tmp_path / "job")
    write_record(tmp_path / "job", record | {"data": record["data"] | {"inputs": [1, 8, 8]}})
    monkeypatch.setattr(Mlp, "architecture", lambda model, shape: shapes.append(shape) or architecture(model, shape))
    images = load_networks(tmp_path / "job")
    assert {shape.inputs for shape in shapes} == {(1, 8, 8)}
    assert torch.equal(images.network_a(DATA.test.inputs), vectors.network_a(DATA.test.inputs))
