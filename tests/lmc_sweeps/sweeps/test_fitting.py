"""Which overrides are of a key that another option may lack, and what is done with them."""

import pytest
from omegaconf import OmegaConf

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.composing import parsed_once
from lmc_sweeps.sweeps.fitting import fitted, is_optional


@pytest.mark.parametrize("word", ["optimizer.lr=1", "++dataset.root=x", "+model.bias=true", "matching.weights.biases=true"])
def test_a_key_inside_of_an_option_is_one_that_another_option_may_lack(word):
    assert is_optional(parsed_once(word))


@pytest.mark.parametrize("word", ["optimizer=adam", "width=8", "training.epochs=1", "~optimizer.lr", "+optimizer@other.x=1", "store.dir=x"])
def test_a_key_of_every_job_a_choice_and_what_is_taken_away_are_not(word):
    assert not is_optional(parsed_once(word))


class Composer:
    """Composes the choice of an optimizer, of digits and one method."""

    def chosen(self, job):
        choices = dict(text.split("=") for text in job)
        fields = {"sgd": {"momentum": 0.9}, "adam": {"beta1": 0.9}}
        name = choices.get("optimizer", "sgd")
        return OmegaConf.create(
            {
                "dataset": {"name": "digits"},
                "model": {"name": "mlp"},
                "optimizer": {"name": name, "lr": 0.1, **fields[name]},
                "matching": {"weights": {"name": "weights"}},
            }
        )


def test_a_key_is_left_to_the_jobs_that_have_it_and_equal_jobs_are_one():
    jobs = [[f"optimizer={name}", f"optimizer.momentum={value}"] for name in ("sgd", "adam") for value in (0, 0.5)]
    assert fitted(Composer(), jobs) == [
        ["optimizer=sgd", "optimizer.momentum=0"],
        ["optimizer=sgd", "optimizer.momentum=0.5"],
        ["optimizer=adam"],
    ]


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (["optimizer=adam", "optimizer.momentum=0"], "`optimizer.momentum` is a key of optimizer=sgd only, and none .* has it .optimizer=adam.."),
        (["model=mlp", "model.variant=11"], "`model.variant` is a key of model=vgg11, model=vgg16 only, and none .* has it .model=mlp.."),
        (["matching.covariance.biases=true"], "`matching.covariance.biases` is set, but covariance is not among the methods chosen"),
    ],
)  # fmt: skip
def test_a_key_that_no_job_has_is_refused(job, message):
    with pytest.raises(InputError, match=f"^{message}"):
        fitted(Composer(), [job])
