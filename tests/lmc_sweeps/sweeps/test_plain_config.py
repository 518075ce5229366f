"""Plain values of a job's config, set on those of its options: the same that OmegaConf makes of a config of the job's own."""

import pytest
from hydra.errors import ConfigCompositionException
from hydra_parts import composer
from omegaconf import OmegaConf

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.plain_config import PlainConfig

JOBS = [
    [],
    ["width=16", "seed=1"],
    ["optimizer.lr=1e-3", "optimizer.momentum=0.5", "training.epochs=3"],
    ["optimizer=adam", "optimizer.lr=.1"],
    ["dataset=gaussian_mixture", "width='8'", "dataset.seed=null"],
    ["store.dir='~/a b'", "splits=[train,test]"],
    ["store.dir=null", "width=nan", "depth=inf", "report=false"],
    ["directions='[1, 2]'", "directions=[1,[2,3]]"],
    ["matching=[weights]", "matching.weights.biases=true"],
    ["dataset=gaussian_mixture", "seed=5", "dataset.seed='${seed}'"],
    ["dataset=gaussian_mixture", "dataset.seed='${seed}'", "seed=6"],
    ["dataset=gaussian_mixture", "seed='${oc.env:SEED}'", "dataset.seed='${oc.decode:${oc.env:SEED}}'"],
    ["width=4", "store.dir='${oc.env:PLACE}'", "store.dir=here"],
    ["directions=[null,[1,'a b']]", "seed=3"],
    ["experiment=gaussian_init", "dataset.ambient_dimension=9"],
    ["experiment=width_digits", "depth=2"],
]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("SEED", "3")
    monkeypatch.setenv("PLACE", "/data")


@pytest.mark.parametrize("job", JOBS, ids=" ".join)
def test_it_is_what_omegaconf_makes_of_a_config_of_the_jobs_own(job):
    own = composer()
    for _ in range(2):  # the second time on what is known of the options
        whole, plain = own.without_hydra(job), own.plain(job)
        assert repr(dict(plain.texts)) == repr(OmegaConf.to_container(whole, resolve=False))
        assert repr(dict(plain.values)) == repr(OmegaConf.to_container(whole, resolve=True))


def test_jobs_do_not_see_one_anothers_values():
    own = composer()
    first, second = own.plain(["optimizer.lr=0.5", "width=4"]), own.plain(["training.epochs=7"])
    third = own.plain(["optimizer.lr=0.25"])
    assert [each.values["optimizer"]["lr"] for each in (first, third)] == [0.5, 0.25]
    assert second.values["optimizer"]["lr"] == own.master.optimizer.lr
    assert (first.values["training"], second.values["training"]["epochs"]) == (third.values["training"], 7)


@pytest.mark.parametrize(
    ("values", "is_set"),
    [
        ({"a": 2, "b.c": "x"}, True), ({"b.l": [4]}, True), ({}, True),
        ({"b": 1}, False), ({"d": 1}, False), ({"b.d": 1}, False), ({"a.c": 1}, False), ({"a": "${b.c}"}, False), ({"b.l": ["???"]}, False),
        ({"b.l": [[1, None], "x"]}, True), ({"b.l": [{None: 1}]}, False), ({"a": object()}, False),
    ],
)  # fmt: skip
def test_values_are_set_where_plain_ones_are(values, is_set):
    config = PlainConfig.made_of(OmegaConf.create({"a": 1, "b": {"c": "${oc.env:SEED}", "l": [1]}}))
    changed = config.with_values(values)
    assert (changed is not None) == is_set
    assert (config.values, config.texts) == ({"a": 1, "b": {"c": "3", "l": [1]}}, {"a": 1, "b": {"c": "${oc.env:SEED}", "l": [1]}})


def test_where_one_value_is_computed_from_others_omegaconf_sets_all():
    assert PlainConfig.made_of(OmegaConf.create({"a": 1, "b": "${a}"})).with_values({"a": 2}) is None


def test_a_value_that_cannot_be_resolved_is_refused_unless_the_job_sets_it(monkeypatch):
    monkeypatch.delenv("PLACE")
    own, chosen = composer(), ["++store.dir='${oc.env:PLACE}'"]
    with pytest.raises(InputError, match="`store` cannot be resolved"):
        own.plain([*chosen, "width=4"])
    assert own.plain([*chosen, "store.dir=here"]).values["store"] == {"dir": "here"}
    with pytest.raises(ConfigCompositionException):
        own.plain(["store.place=here"])
