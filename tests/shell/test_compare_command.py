"""``lmc-sweeps-compare``: two checkpoint files of one's own."""

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.seeding import generator


def write_pair(folder, depth=1, names=None):
    """Write a network and a permuted copy of it, and return the permutation of the first hidden layer."""
    a = Mlp().initial(64, 12, depth, 10, generator(0, "test"))
    permutation = np.random.default_rng(0).permutation(12)
    b = dict(a)
    b["hidden_1.weight"], b["hidden_1.bias"] = a["hidden_1.weight"][permutation], a["hidden_1.bias"][permutation]
    after = "hidden_2.weight" if depth > 1 else "output.weight"
    b[after] = a[after][:, permutation].contiguous()
    for name, network in (("a", a), ("b", b)):
        save_file({(names or {}).get(key, key): tensor.contiguous() for key, tensor in network.items()}, folder / f"{name}.safetensors")
    return permutation


def test_a_planted_permutation_is_found_in_files_and_the_aligned_network_is_written(command, tmp_path):
    planted = write_pair(tmp_path)
    done = command("a.safetensors", "b.safetensors", "matching=[weights,activations]", "--out", "found", module="lmc_sweeps.compare_cli")
    assert done.returncode == 0, done.stderr
    runs = pd.read_csv(tmp_path / "found" / "runs.csv").set_index(["matching", "split"])
    assert runs.loc[("weights", "test"), "loss_barrier"] <= 1e-6
    assert runs.loc[("activations", "test"), "loss_barrier"] <= 1e-6
    found = np.load(tmp_path / "found" / "permutations.npz")["weights/hidden_1"]
    np.testing.assert_array_equal(planted[found], np.arange(12))
    torch.testing.assert_close(
        load_file(tmp_path / "found" / "aligned_weights.safetensors"), load_file(tmp_path / "a.safetensors"), rtol=0, atol=0
    )


def test_layers_under_other_names_are_taken_in_natural_order(command, tmp_path):
    names = {"hidden_1.weight": "2.weight", "hidden_1.bias": "2.bias", "hidden_2.weight": "10.weight", "hidden_2.bias": "10.bias"}
    write_pair(tmp_path, depth=2, names=names | {"output.weight": "20.weight", "output.bias": "20.bias"})
    done = command("a.safetensors", "b.safetensors", "matching=[weights]", module="lmc_sweeps.compare_cli")
    assert done.returncode == 0, done.stderr
    assert "2.weight as hidden_1.weight" in done.stdout
    assert "10.weight as hidden_2.weight" in done.stdout


def test_mistakes_are_sentences(command, tmp_path):
    write_pair(tmp_path)
    (tmp_path / "text.safetensors").write_text("no network")
    for arguments, sentence in [
        (["a.safetensors", "nowhere.safetensors"], "there is no file 'nowhere.safetensors'."),
        (["a.safetensors", "text.safetensors"], "'text.safetensors' is not a safetensors file"),
        (
            ["a.safetensors", "b.safetensors", "dataset=gaussian_mixture"],
            "has 64 inputs and 10 classes; dataset=gaussian_mixture has 32 and 10.",
        ),
        (["a.safetensors", "b.safetensors", "model.bias=false"], "the model needs hidden_1.weight, output.weight. Check model.bias."),
        (["a.safetensors", "b.safetensors", "plane=true"], "`plane` is for the jobs of lmc_sweeps; here no plane is measured."),
        (["a.safetensors", "b.safetensors", "widht=3"], "Did you mean 'width'?"),
    ]:
        done = command(*arguments, module="lmc_sweeps.compare_cli")
        assert done.returncode == 1
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
