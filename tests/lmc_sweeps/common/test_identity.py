"""The one rule of names: what is at its default is left out, so that whatever grows a field renames nothing that is finished."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest
from small_jobs import SMALL, digits, small_settings

from lmc_sweeps import matching
from lmc_sweeps.common.identity import ALWAYS, NEVER, identity_settings
from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.identities import network_identity, network_name, run_id
from lmc_sweeps.jobs.recorded import measured_settings
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Training

# The names of finished runs: of the methods' settings at their defaults and off them, of a job and of its network 1.
HASHES = {
    matching.choices()["identity"](): "x0e2c77c5",
    matching.choices()["weights"](): "669f3987",
    matching.choices()["weights"](biases=True): "77ec6321",
    matching.choices()["weights"](outgoing=True): "28d8cf7b",
    matching.choices()["covariance"](): "dfe0cccb",
    matching.choices()["covariance"](centred=True, transport="assignment"): "x7e71bbfd",
    matching.choices()["activations"](): "a0b2c6c7",
    matching.choices()["activations"](centred=False): "174ff21f",
}
JOB, NETWORK = "59d63063f1a949f6", "5ebe4a46a6a5d4a5"


@dataclass(frozen=True)
class Part:
    least: int
    lr: float = 0.1
    order: str = field(default="own", metadata=ALWAYS)
    folder: str | None = field(default=None, metadata=NEVER)
    more: dict[str, int] = field(default_factory=dict)


def test_an_identity_has_what_is_off_its_default_what_has_none_and_what_is_marked_and_never_a_place():
    assert identity_settings(Part(2)) == {"least": 2, "order": "own"}
    assert identity_settings(Part(2, lr=0.2, order="shared", folder="/data", more={"a": 1})) == {
        "least": 2,
        "lr": 0.2,
        "order": "shared",
        "more": {"a": 1},
    }


@pytest.mark.parametrize(("method", "name"), HASHES.items(), ids=str)
def test_the_methods_of_finished_runs_keep_their_names(method, name):
    assert method.settings_hash() == name


def names(settings: JobSettings) -> tuple[str, str]:
    mark = fingerprint(digits())
    return run_id(settings, mark), network_name(network_identity(settings, mark, 1))


def test_a_finished_job_and_its_networks_keep_their_names():
    assert names(small_settings()) == (JOB, NETWORK)


@dataclass(frozen=True, kw_only=True)
class GrownJob(JobSettings):
    repair: str = "none"


@dataclass(frozen=True, kw_only=True)
class GrownDigits(Digits):
    name: ClassVar[str] = "digits"
    rotation: float = 0.0


@dataclass(frozen=True, kw_only=True)
class GrownMlp(Mlp):
    name: ClassVar[str] = "mlp"
    dropout: float = 0.0


@dataclass(frozen=True, kw_only=True)
class GrownSgd(Sgd):
    name: ClassVar[str] = "sgd"
    nesterov: bool = False


@dataclass(frozen=True, kw_only=True)
class GrownTraining(Training):
    clip: float | None = None


GROWN: dict[str, tuple[Any, dict[str, Any]]] = {
    "dataset": (GrownDigits(), {"rotation": 0.1}),
    "model": (GrownMlp(), {"dropout": 0.1}),
    "optimizer": (GrownSgd(), {"nesterov": True}),
    "training": (GrownTraining(epochs=1), {"clip": 1.0}),
}


def test_a_new_top_level_key_renames_nothing_until_it_is_used():
    assert names(GrownJob(**SMALL)) == (JOB, NETWORK)
    assert not set(names(GrownJob(**SMALL, repair="rescale"))) & {JOB, NETWORK}


@pytest.mark.parametrize("key", GROWN)
def test_a_new_setting_of_a_part_renames_nothing_until_it_is_used(key):
    part, change = GROWN[key]
    assert names(small_settings(**{key: part})) == (JOB, NETWORK)
    assert not set(names(small_settings(**{key: replace(part, **change)}))) & {JOB, NETWORK}


def test_a_new_setting_of_a_method_renames_nothing_until_it_is_used():
    @dataclass(frozen=True, kw_only=True)
    class GrownWeights(Weights):
        name: ClassVar[str] = "weights"
        passes: int = 1

    assert GrownWeights().settings_hash() == Weights().settings_hash()
    assert GrownWeights(passes=2).settings_hash() != Weights().settings_hash()


def test_a_place_of_a_method_is_in_no_hash_and_not_in_what_records_tell_methods_apart_by():
    @dataclass(frozen=True, kw_only=True)
    class Cached(Weights):
        name: ClassVar[str] = "cached"
        cache: str | None = field(default=None, metadata=NEVER)

    a, b = Cached(cache="/a"), Cached(cache="/b")
    assert a.settings_hash() == b.settings_hash()
    settings = small_settings(matching=(a, Weights()))
    assert measured_settings(settings, a) == measured_settings(settings, b) == Weights().settings()


def test_what_a_method_makes_of_a_setting_at_its_default_is_in_its_hash():
    def method(resolved: int) -> Weights:
        @dataclass(frozen=True, kw_only=True)
        class Resolved(Weights):
            name: ClassVar[str] = "resolved"
            passes: int | None = None

            def settings(self) -> dict[str, Any]:
                return super().settings() | {"passes": self.passes or resolved}

        return Resolved()

    assert method(3).settings_hash() != method(5).settings_hash()
