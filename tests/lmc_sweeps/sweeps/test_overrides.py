"""What was typed, checked before Hydra sees it."""

import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.overrides import check_overrides, merge_measured, searched_folders, swept_keys

EXPERIMENTS = ", ".join(sorted(path.stem for path in conf_dir().glob("experiment/*.yaml")))
TOP = (
    "dataset, depth, device, directions, experiment, logger, matching, model, networks, optimizer, plan, plane, points, precision, repair, report, seed, "
    "splits, store, time_limit, training, width"
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("widht=8", f"`widht` is not a key; the keys at the top level are {TOP}. Did you mean 'width'?"),
        ("+widht=8", f"`widht` is not a key; the keys at the top level are {TOP}. Did you mean 'width'?"),
        ("widht=8,16", f"`widht` is not a key; the keys at the top level are {TOP}. Did you mean 'width'?"),
        ("dataset=mnits", "`dataset` must be one of cifar10, digits, fashion_mnist, gaussian_mixture, kmnist, mnist, python_text, got 'mnits'. Did you mean 'mnist'?"),
        ("dataset=digits,mnits", "`dataset` must be one of cifar10, digits, fashion_mnist, gaussian_mixture, kmnist, mnist, python_text, got 'mnits'. Did you mean 'mnist'?"),
        ("dataset=null", "`dataset` must be one of cifar10, digits, fashion_mnist, gaussian_mixture, kmnist, mnist, python_text, got None."),
        ("model=mpl", "`model` must be one of cnn, gpt, mean_field, mlp, resnet20, vgg11, vgg16, vit, got 'mpl'. Did you mean 'mlp'?"),
        ("optimizer=sgdm", "`optimizer` must be one of adam, adamw, sgd, got 'sgdm'. Did you mean 'sgd'?"),
        ("matching=[weights,activation]", "`matching` must be one of activations, annealing, covariance, folding, frank_wolfe, identity, learned_maps, otfusion, procrustes, random, rebasin, rebasin_covariance, sinkhorn, straight_through, weights, got 'activation'. Did you mean 'activations'?"),
        ("matching=weigths", "`matching` must be one of activations, annealing, covariance, folding, frank_wolfe, identity, learned_maps, otfusion, procrustes, random, rebasin, rebasin_covariance, sinkhorn, straight_through, weights, got 'weigths'. Did you mean 'weights'?"),
        ("matching.weigths.biases=true", "`matching` must be one of activations, annealing, covariance, folding, frank_wolfe, identity, learned_maps, otfusion, procrustes, random, rebasin, rebasin_covariance, sinkhorn, straight_through, weights, got 'weigths'. Did you mean 'weights'?"),
        ("matching.weights.bias=true", "`matching.weights.bias` is not a key; the keys at `matching.weights` are biases, epsilon, name, outgoing, shuffled, transport. Did you mean 'matching.weights.biases'?"),
        ("optimizer.lrr=1", "`optimizer.lrr` is not a key; the keys at `optimizer` are beta1, beta2, decayed, epsilon, lr, momentum, name, weight_decay. Did you mean 'optimizer.lr'?"),
        ("store.dri=x", "`store.dri` is not a key; the keys at `store` are dir. Did you mean 'store.dir'?"),
        ("experiment=width_digit", f"`experiment` must be one of {EXPERIMENTS}, got 'width_digit'. Did you mean 'width_digits'?"),
    ],
)  # fmt: skip
def test_unknown_keys_and_options_get_the_choices_and_the_nearest(text, sentence):
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}$"):
        check_overrides([text], [conf_dir()])


@pytest.mark.parametrize(
    "text",
    ["width=8", "width=8,16", "width=range(1,5)", "dataset=mnist", "dataset=glob(*)", "matching=[weights,identity]", "matching=weights,identity",
     "matching.weights.biases=true", "+matching.mine={name: weights}", "hydra.sweep.dir=x", "hydra/launcher=joblib", "~matching.weights",
     "experiment=null", "optimizer.lr=1,2", "store.dir=null", "width=", "hydra.sweep.subdir=x", "hydra.job.chdir=true",
     "+hydra.job.env_set.A=b", "hydra.launcher.n_jobs=2", "hydra.job_logging.root.level=DEBUG", "hydra.verbose=true", "hydra=x"],
)  # fmt: skip
def test_what_is_right_or_hydras_passes(text):
    check_overrides([text], [conf_dir()])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hydra.sweep.dri=x", "`hydra.sweep.dri` is not a key; the keys at `hydra.sweep` are dir, subdir. Did you mean 'dir'?"),
        ("hydra.run.dri=x", "`hydra.run.dri` is not a key; the keys at `hydra.run` are dir. Did you mean 'dir'?"),
        ("hydra.swep.dir=x", "verbose. Did you mean 'sweep'?"),
        ("hydra.job.chidr=true", "override_dirname. Did you mean 'chdir'?"),
        ("lss", "'lss' cannot be read; overrides are written KEY=VALUE, e.g. width=64 or width=8,16 -m. Did you mean 'ls'?"),
    ],
)
def test_mistyped_keys_of_hydra_and_commands_have_a_hint(text, sentence):
    with pytest.raises(InputError, match=f"{re.escape(sentence)}$"):
        check_overrides([text], [conf_dir()])


@pytest.mark.parametrize("text", ["width", "width=4,", "width==3"])
def test_what_is_no_override_is_said(text):
    with pytest.raises(
        InputError, match=f"^{re.escape(repr(text))} cannot be read; overrides are written KEY=VALUE, e.g. width=64 or width=8,16 -m.$"
    ):
        check_overrides([text], [conf_dir()])


def test_options_of_a_folder_of_the_users_own_are_known(tmp_path):
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "mine.yaml").write_text("name: mnist\n")
    check_overrides(["dataset=mine"], [conf_dir(), tmp_path])
    with pytest.raises(InputError, match="kmnist, mine, mnist"):
        check_overrides(["dataset=mein"], [conf_dir(), tmp_path])


def test_folders_of_hydras_search_path_are_found_where_they_are_there(tmp_path):
    assert searched_folders([f"hydra.searchpath=[file://{tmp_path},{tmp_path}]", "width=8"]) == [tmp_path, tmp_path]
    assert searched_folders([f"hydra.searchpath=[{tmp_path}/nowhere,pkg://somewhere]", "+dataset.x=1"]) == []


@pytest.mark.parametrize("text", ["matching=weights,activations", "matching=[weights],[activations]", "matching=[weights,activations]"])
def test_a_sweep_over_matching_is_one_list(text):
    assert merge_measured(["width=8,16", text]) == ["width=8,16", "matching=[weights,activations]"]


def test_the_swept_keys_are_those_with_several_values():
    def keys(*texts):
        return swept_keys(OverridesParser.create().parse_overrides(list(texts)))

    assert keys("width=8,16", "depth=2", "seed=range(3)") == ["width", "seed"]
    assert keys("width=8", "depth=2") == ["width", "depth"]
