"""``lmc-sweeps-compare``: two files of one's own, in the order in which their layers are computed."""

from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from lmc_sweeps.commands import compare as compare_cli
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mean_field import MeanField
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.sweeps.config import load_data

WORDS = ("input_layer", "hidden_layer", "output_layer")


@pytest.fixture
def compared(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command in an empty folder, and returns what it printed or the sentence that it ended with."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, matching="[weights]", points=3):
        try:
            compare_cli.main([*arguments, f"matching={matching}", f"points={points}"])
        except SystemExit as end:
            return str(end.code)
        return capsys.readouterr().out

    return run


def write_pair(folder, depth=1, names=None):
    """Write a network and a permuted copy of it, and return the permutation of the first hidden layer."""
    a = Mlp().initial(Shape((64,), 12, depth, 10), generator(0, "test"))
    permutation = np.random.default_rng(0).permutation(12)
    b = dict(a)
    b["hidden_1.weight"], b["hidden_1.bias"] = a["hidden_1.weight"][permutation], a["hidden_1.bias"][permutation]
    after = "hidden_2.weight" if depth > 1 else "output.weight"
    b[after] = a[after][:, permutation].contiguous()
    for name, network in (("a", a), ("b", b)):
        save_file({(names or {}).get(key, key): tensor.contiguous() for key, tensor in network.items()}, folder / f"{name}.safetensors")
    return permutation


def test_a_planted_permutation_is_found_in_files_and_the_aligned_network_is_written(compared, tmp_path):
    planted = write_pair(tmp_path)
    assert compared("a.safetensors", "b.safetensors", "--out", "found", matching="[weights,activations]").endswith("written to found\n")
    runs = pd.read_csv(tmp_path / "found" / "runs.csv").set_index(["matching", "split"])
    assert runs.loc[("weights", "test"), "loss_barrier"] <= 1e-6
    assert runs.loc[("activations", "test"), "loss_barrier"] <= 1e-6
    permutation = np.load(tmp_path / "found" / "permutations.npz")["weights/hidden_1"]
    np.testing.assert_array_equal(planted[permutation], np.arange(12))
    torch.testing.assert_close(
        load_file(tmp_path / "found" / "aligned_weights.safetensors"), load_file(tmp_path / "a.safetensors"), rtol=0, atol=0
    )


def test_layers_under_other_names_are_taken_in_the_order_of_their_numbers(compared, tmp_path):
    names = {"hidden_1.weight": "2.weight", "hidden_1.bias": "2.bias", "hidden_2.weight": "10.weight", "hidden_2.bias": "10.bias"}
    write_pair(tmp_path, depth=2, names=names | {"output.weight": "20.weight", "output.bias": "20.bias"})
    printed = compared("a.safetensors", "b.safetensors")
    assert (
        "a.safetensors: 2.weight as hidden_1.weight, 2.bias as hidden_1.bias, 10.weight as hidden_2.weight, 10.bias as hidden_2.bias, 20."
        in printed
    )


@pytest.fixture(scope="module")
def trained():
    """Two networks of two hidden layers as wide as the images, which have learned the digits, under names that say no order."""
    data, _ = load_data(Digits())
    networks = []
    for seed in range(2):
        parameters = Mlp().initial(Shape((64,), 64, 2, 10), generator(seed, "test"))
        network = Mlp().architecture(Shape((64,), 64, 2, 10)).module(parameters).train()
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        for _ in range(40):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(data.train.inputs), data.train.labels).backward()
            optimizer.step()
        words = dict(zip(("hidden_1", "hidden_2", "output"), WORDS, strict=True))
        networks.append({f"{words[name.split('.')[0]]}.{name.split('.')[1]}": tensor for name, tensor in network.state_dict().items()})
        wrong = network(data.test.inputs).argmax(1) != data.test.labels
        assert wrong.double().mean() < 0.15
    return networks


def shown(printed, row, column):
    """Return a number of the printed table, of the unmatched networks on the test split."""
    head, *lines = printed[printed.index("matching split") :].splitlines()
    cells = next(line.split() for line in lines if line.split()[:2] == row.split())
    return float(cells[head.split().index(column)])


def test_layers_of_equal_shapes_are_never_ordered_by_their_names(compared, trained):
    for name, network in zip("ab", trained, strict=True):
        save_file(network, f"{name}.safetensors")
        torch.save(network, f"{name}.pt")
    message = r"'a.FILE': the order of its layers follows neither from their shapes nor from numbers in their names"
    assert message.replace("FILE", "safetensors") in compared("a.safetensors", "b.safetensors")
    refused = compared("a.pt", "b.pt")
    assert message.replace("FILE", "pt") in refused
    assert refused.endswith("from input to output; the file holds them in the order --layers input_layer,hidden_layer,output_layer.")
    right = compared("a.pt", "b.safetensors", "--layers", ",".join(WORDS))
    assert shown(right, "identity test", "error_a") < 0.15
    assert shown(right, "identity test", "error_b") < 0.15
    assert "hardly better than a guess" not in right


def test_networks_that_are_no_better_than_a_guess_are_said(compared, trained):
    save_file(trained[0], "right.safetensors")
    turned = dict(zip(WORDS, (WORDS[1], WORDS[0], WORDS[2]), strict=True))
    swapped = {f"{turned[name.split('.')[0]]}.{name.split('.')[1]}": tensor for name, tensor in trained[1].items()}
    save_file(swapped, "swapped.safetensors")
    printed = compared("right.safetensors", "swapped.safetensors", "--layers", ",".join(WORDS))
    wrong = shown(printed, "identity test", "error_b")
    assert wrong > 0.6
    assert f"note: network B is hardly better than a guess: it is wrong on {wrong:.1%} of the test examples" in printed
    assert "always naming the most frequent class is wrong on 89.7%. Are the layers in their order (--layers), are dataset and" in printed
    assert "network A is hardly" not in printed


@pytest.mark.parametrize(
    ("error", "loss", "is_said"),
    [(0.75, 3.0, True), (0.70, 3.0, True), (0.70, 1.2, True), (0.60, 1.2, False), (0.60, 1.4, True), (0.30, 9.0, False), (0.0, 0.0, False)],
)
def test_a_guess_is_told_from_the_error_or_from_error_and_loss(error, loss, is_said):
    """Of four classes, equally frequent, a guess is wrong on 75 %, and a uniform one has a loss of ln 4 = 1.386."""
    row = {"matching": "identity", "split": "test", "error_a": error, "loss_a": loss, "error_b": 0.0, "loss_b": 0.0}
    notes = compare_cli.guesses(pd.DataFrame([row | {"split": "train"}, row]), torch.arange(8) % 4, 4)
    assert [note.split(":")[0] for note in notes] == ["network A is hardly better than a guess"] * is_said


def test_files_of_other_formats_and_precisions_are_compared_and_what_was_done_is_said(compared, trained):
    numbered = [
        {name.replace(word, f"net.{2 * k}"): t for word, k in zip(WORDS, range(3), strict=True) for name, t in n.items() if word in name}
        for n in trained
    ]
    checkpoint = {"epoch": 1, "state_dict": OrderedDict((f"model.{name}", tensor.half()) for name, tensor in numbered[0].items())}
    torch.save(checkpoint, "a.ckpt")
    averaged = {"n_averaged": torch.tensor(4)} | {f"module.{name}": tensor.double() for name, tensor in numbered[1].items()}
    torch.save(averaged, "b.pt")
    kernels = {
        name.replace("weight", "kernel"): tensor.T.contiguous() if tensor.dim() == 2 else tensor for name, tensor in numbered[1].items()
    }
    save_file(kernels, "c.safetensors")
    first = compared("a.ckpt", "b.pt")
    assert first.count("note: ") == 5
    for note in (
        "a.ckpt: the network is that of the key 'state_dict'.",
        "a.ckpt: left aside: epoch.",
        "a.ckpt: its numbers are float16; they are measured in float32.",
        "b.pt: left aside, for they are neither weights nor biases of its layers: n_averaged.",
        "b.pt: its numbers are float64; they are measured in float32.",
    ):
        assert f"note: {note}\n" in first
    assert shown(first, "identity test", "error_a") < 0.15
    second = compared("b.pt", "c.safetensors")
    assert "c.safetensors: weights are stored as (inputs, outputs), as Keras and JAX have them, and were transposed." in second
    for column in ("loss", "error"):
        assert shown(second, "identity test", f"{column}_a") == shown(second, "identity test", f"{column}_b")
    assert shown(second, "identity test", "loss_barrier") == 0


def test_a_mean_field_network_has_one_hidden_layer(compared):
    for name, seed in (("a", 0), ("b", 1)):
        save_file(MeanField().initial(Shape((64,), 6, 1, 10), generator(seed, "test")), f"{name}.safetensors")
    assert "loss_barrier" in compared("a.safetensors", "b.safetensors", "model=mean_field")
    save_file(Mlp(bias=True).initial(Shape((64,), 6, 2, 10), generator(0, "test")), "deep.safetensors")
    assert compared("deep.safetensors", "b.safetensors", "model=mean_field") == (
        "'deep.safetensors' does not fit the model: `depth` must be 1 for model=mean_field, a two-layer network, got 2."
    )


def test_mistakes_are_sentences(compared, tmp_path):
    write_pair(tmp_path)
    (tmp_path / "text.safetensors").write_text("no network")
    for arguments, sentence in [
        (["a.safetensors", "nowhere.safetensors"], "there is no file 'nowhere.safetensors'."),
        (
            ["a.safetensors", "text.safetensors"],
            "'text.safetensors' is not a network file that lmc_sweeps reads: it begins with 'no network'",
        ),
        (["a.safetensors", "."], "'.' is a folder; name the file of the network in it: a.safetensors, b.safetensors, text.safetensors."),
        (
            ["a.safetensors", "b.safetensors", "dataset=gaussian_mixture"],
            "has 64 inputs and 10 classes; dataset=gaussian_mixture has 32 and 10.",
        ),
        (
            ["a.safetensors", "b.safetensors", "model.bias=false"],
            "'a.safetensors' has a bias in the layer hidden_1; the model needs hidden_1.weight, output.weight, with none in hidden_1. Check model.bias.",
        ),
        (["a.safetensors", "b.safetensors", "--layers", "hidden_1,ouput"], "`--layers` must name layers of 'a.safetensors', "),
        (
            ["a.safetensors", "b.safetensors", "--layers", "output,hidden_1"],
            "the order of `--layers`, output (12 to 10), hidden_1 (64 to 12), leads",
        ),
        (["a.safetensors", "b.safetensors", "plane=true"], "`plane` is for the jobs of lmc_sweeps; here no plane is measured."),
        (
            ["a.safetensors", "b.safetensors", "dataset=python_text"],
            "`model.name` must be one of gpt for the tokens of dataset=python_text, got 'mlp'.",
        ),
        (["a.safetensors", "b.safetensors", "widht=3"], "Did you mean 'width'?"),
    ]:
        printed = compared(*arguments)
        assert sentence in printed
        assert not (tmp_path / "found").exists()


def test_the_folder_of_results_may_be_written_with_a_tilde(compared, tmp_path, monkeypatch):
    write_pair(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    compared("a.safetensors", "b.safetensors", "--out", "~/found")
    assert (tmp_path / "home" / "found" / "runs.csv").is_file()
    assert not (tmp_path / "~").exists()
