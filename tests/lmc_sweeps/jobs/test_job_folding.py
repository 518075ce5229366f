"""Jobs with methods that fold norms: the record's lines, planes and files are those between networks in linear form."""

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from small_jobs import small_job
from small_models import MODELS
from torch import nn

from lmc_sweeps import compare, load_networks
from lmc_sweeps.datasets.base import Data, Split
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.permutation_files import read_maps
from lmc_sweeps.matching.folding import Folding
from lmc_sweeps.matching.learned_maps import LearnedMaps
from lmc_sweeps.matching.procrustes import Procrustes
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.symmetry.head_maps import InHeads
from lmc_sweeps.symmetry.maps import Orthogonal
from lmc_sweeps.training.recipe import Training

METHODS = (Rebasin(), Folding(), Procrustes(), LearnedMaps(steps=10, batch_size=8))
FOLDING = [method.name for method in METHODS if method.folds]
NAMES = ("vit layer", "gpt rms", "cnn batch")
ROUNDING = 1e-5  # of outputs in float32


@pytest.fixture(scope="module", params=NAMES)
def measured(request, tmp_path_factory):
    name, folder = request.param, tmp_path_factory.mktemp("job")
    small = MODELS[name]
    data = Data(MODELS[name].drawn(16, 0), MODELS[name].drawn(8, 1), small.shape.classes)
    training = Training(epochs=3, batch_size=8)
    job = small_job(
        data, model=small.model, width=small.shape.width, depth=small.shape.depth, training=training, points=3, matching=METHODS,
        plane=True, store=folder / "store",
    )  # fmt: skip
    return name, data, folder, run_job(job, folder / "job")


def loss(module: nn.Module, part: Split) -> float:
    with torch.no_grad():
        outputs = module(part.inputs)
    return float(F.cross_entropy(outputs.flatten(0, -2), part.labels.flatten()))


def test_every_map_keeps_the_function(measured):
    _, _, _, record = measured
    assert {row["matching"] for row in record["runs"]} == {"identity", "rebasin", *FOLDING}
    assert all(row["function_gap"] < ROUNDING for row in record["runs"])
    assert all(note.startswith("plane: there is none") and "matched by folding" in note for note in record["notes"])


def test_the_midpoint_of_a_record_is_that_of_the_networks_that_are_loaded(measured):
    _, data, folder, record = measured
    pair = load_networks(folder / "job")
    assert sorted(pair.starts) == sorted(FOLDING)
    for row in (row for row in record["runs"] if row["split"] == "test"):
        a, b = pair.starts.get(row["matching"], pair.network_a), pair.aligned[row["matching"]]
        for network, own in ((a, row["loss_a"]), (b, row["loss_b"])):
            assert loss(network, data.test) == pytest.approx(own, rel=1e-4)
        middle = load_networks(folder / "job").network_a  # of the architecture that it was: nothing but its tensors is changed
        middle.load_state_dict({key: (tensor + b.state_dict()[key]) / 2 for key, tensor in a.state_dict().items()})
        assert loss(middle, data.test) == pytest.approx(row["loss_midpoint"], rel=1e-4)


def test_planes_go_through_the_networks_in_linear_form(measured):
    name, data, folder, record = measured
    if name == "cnn batch":  # which has no stream: nothing is folded
        return
    pair, planes = load_networks(folder / "job"), pd.read_csv(folder / "job" / "plane.csv")
    for method in FOLDING:
        rows = planes[planes["matching"] == method]
        if not len(rows):  # folding moves nothing: there is no plane through A, B and B
            assert method == "folding"
            continue
        corners = rows.dropna(subset="network").set_index("network")["loss"]
        for network, module in (("A", pair.starts[method]), ("matched B", pair.aligned[method])):
            assert loss(module, data.test) == pytest.approx(corners[network], rel=1e-4)


def test_maps_come_back_from_their_file_as_they_were(measured):
    name, _, folder, record = measured
    maps = {key: value for key, value in read_maps(folder / "job", record).items() if ".procrustes." in key}
    kinds = {type(value) for value in maps.values()}
    assert kinds == ({np.ndarray} if name == "cnn batch" else {np.ndarray, Orthogonal, InHeads})


def test_without_a_residual_stream_they_are_permutations_of_the_networks_as_they_are(measured):
    name, _, folder, record = measured
    pair, test = load_networks(folder / "job"), {row["matching"]: row for row in record["runs"] if row["split"] == "test"}
    if name == "cnn batch":
        assert test["folding"]["loss_barrier"] == pytest.approx(test["identity"]["loss_barrier"], abs=1e-6)
        for key, tensor in pair.starts["procrustes"].state_dict().items():
            torch.testing.assert_close(tensor, pair.network_a.state_dict()[key], rtol=0, atol=0)
    else:
        assert test["procrustes"]["distance"] < test["folding"]["distance"]
        assert any(
            not torch.equal(tensor, pair.network_a.state_dict()[key]) for key, tensor in pair.starts["procrustes"].state_dict().items()
        )


def test_networks_of_ones_own_are_compared_alike(measured):
    _, data, folder, record = measured
    pair = load_networks(folder / "job")
    train, test = ((part.inputs, part.labels) for part in (data.train, data.test))
    result = compare(pair.network_a, pair.network_b, train=train, test=test, matching=["folding", "procrustes"], points=3)
    own = {row["matching"]: row for row in record["runs"] if row["split"] == "test"}
    for row in result.to_frame().query("split == 'test'").to_dict("records"):
        assert row["loss_midpoint"] == pytest.approx(own[row["matching"]]["loss_midpoint"], rel=1e-3)
    assert sorted(result.starts) == ["folding", "procrustes"]
    middle = load_networks(folder / "job").network_a
    middle.load_state_dict({key: (tensor + result.aligned["procrustes"][key]) / 2 for key, tensor in result.starts["procrustes"].items()})
    assert loss(middle, data.test) == pytest.approx(own["procrustes"]["loss_midpoint"], rel=1e-3)
