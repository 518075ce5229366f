"""Keys that only some options have: kept by the jobs that have them, left out of the others, refused where no job has them."""

import re

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.command import make_ready
from lmc_sweeps.sweeps.composing import JobComposer
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.config import prepare
from lmc_sweeps.sweeps.fitting import fitted
from lmc_sweeps.sweeps.sweeper import ValidatingSweeper
from lmc_sweeps.sweeps.typed_command import read_command

OWN = {
    "dataset/mine.yaml": "name: mnist\n",  # which does not write out the fields that it leaves alone
    "experiment/body.yaml": "# @package _global_\noptimizer:\n  momentum: 0.5\nmatching:\n  covariance:\n    biases: true\n",
}


@pytest.fixture
def composer(tmp_path):
    for name, text in OWN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        yield JobComposer(loader, loader.load_configuration("config", [f"hydra.searchpath=[file://{tmp_path}]"], RunMode.MULTIRUN))


def sweep_jobs(composer, *words):
    """Return the jobs that a sweep over what was typed has."""
    command = read_command([*words, "-m"])
    command.overrides = [*command.overrides, *composer.master.hydra.overrides.hydra]
    make_ready(command)
    texts = [text for text in command.overrides if not text.startswith("hydra.")]
    (jobs,) = ValidatingSweeper.split_arguments(OverridesParser.create(config_loader=composer.loader).parse_overrides(texts), None)
    return fitted(composer, jobs)


@pytest.mark.parametrize(
    ("words", "jobs"),
    [
        (["optimizer=sgd,adam", "optimizer.momentum=0.9"], [["optimizer=sgd", "optimizer.momentum=0.9"], ["optimizer=adam"]]),
        (["optimizer=adam,sgd", "optimizer.momentum=0,0.9"], [["optimizer=adam"], ["optimizer=sgd", "optimizer.momentum=0"], ["optimizer=sgd", "optimizer.momentum=0.9"]]),
        (["optimizer.beta1=0.8", "optimizer=sgd,adam"], [["optimizer=sgd"], ["optimizer.beta1=0.8", "optimizer=adam"]]),
        (["model=mlp,mean_field", "model.bias=false"], [["model=mlp", "model.bias=False"], ["model=mean_field"]]),
        (["model=mlp,mean_field", "model.initialisation=he,lecun", "model.activation=relu"],
         [["model=mlp", "model.initialisation=he", "model.activation=relu"], ["model=mlp", "model.initialisation=lecun", "model.activation=relu"], ["model=mean_field", "model.activation=relu"]]),
        (["dataset=digits,mnist,gaussian_mixture", "dataset.root=DIR", "dataset.classes=3", "dataset.train_size=50"],
         [["dataset=digits", "dataset.train_size=50"], ["dataset=mnist", "dataset.root=DIR", "dataset.train_size=50"], ["dataset=gaussian_mixture", "dataset.classes=3", "dataset.train_size=50"]]),
        (["dataset=mnist,fashion_mnist", "dataset.root='a, b=c'"], [["dataset=mnist", r"dataset.root=a\,\ b\=c"], ["dataset=fashion_mnist", r"dataset.root=a\,\ b\=c"]]),
        (["dataset=digits,mine", "dataset.root=DIR"], [["dataset=digits"], ["dataset=mine", "++dataset.root=DIR"]]),
        (["experiment=body", "optimizer=sgd,adam", "matching=[weights,covariance]"],
         [["experiment=body", "optimizer=sgd", "matching=[weights,covariance]"], ["experiment=body", "optimizer=adam", "matching=[weights,covariance]", "~optimizer.momentum"]]),
        (["optimizer=sgd,adam", "++optimizer.momentum=0.9"], [["optimizer=sgd", "++optimizer.momentum=0.9"], ["optimizer=adam"]]),
        (["width=8,8,16"], [["width=8"], ["width=16"]]),
    ],
)  # fmt: skip
def test_a_key_that_only_some_options_have_is_set_where_it_is(composer, words, jobs):
    assert sweep_jobs(composer, *words) == jobs


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["optimizer=adam,adamw", "optimizer.momentum=0.9"], "`optimizer.momentum` is a key of optimizer=sgd only, and none of what was chosen has it (optimizer=adam; optimizer=adamw)."),
        (["optimizer=adam", "optimizer.momentum=0.9,0.8"], "`optimizer.momentum` is a key of optimizer=sgd only, and none of what was chosen has it (optimizer=adam)."),
        (["dataset.root=DIR", "width=4,8"], "`dataset.root` is a key of dataset=cifar10, dataset=fashion_mnist, dataset=kmnist, dataset=mnist only, and none of what was chosen has it (dataset=digits)."),
        (["matching=[weights]", "matching.covariance.biases=true,false"], "`matching.covariance.biases` is set, but covariance is not among the methods chosen (matching=[weights])."),
        (["experiment=body", "matching=[weights]", "seed=0,1"], "`matching.covariance` is set, but covariance is not among the methods chosen (matching=[weights])."),
        (["experiment=body", "optimizer=adam,adamw"], "`optimizer.momentum` is a key of optimizer=sgd only"),
    ],
)  # fmt: skip
def test_a_key_that_no_job_has_is_refused_with_the_options_that_have_it(composer, words, sentence):
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}"):
        sweep_jobs(composer, *words)


def test_a_job_alone_is_the_job_of_the_sweep(composer):
    (job, other) = sweep_jobs(composer, "optimizer=sgd,adam", "optimizer.momentum=0.5", "optimizer.lr=0.1")
    names = [composer.prepare(each).run_id for each in (job, other)]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        alone = [["optimizer=sgd", "optimizer.momentum=0.5", "optimizer.lr=0.1"], ["optimizer=adam", "optimizer.lr=0.1"]]
        assert [prepare(compose("config", each)).run_id for each in alone] == names
