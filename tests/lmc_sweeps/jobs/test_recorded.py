"""What a record shows of the settings: all of them, but no secret, no home, nothing that stood in the environment."""

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path

from small_jobs import small_settings

from lmc_sweeps.datasets.idx import Mnist
from lmc_sweeps.jobs.identities import run_id
from lmc_sweeps.jobs.recorded import environment_key, measured_settings, plain_config, scope
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Adam, Sgd
from lmc_sweeps.training.recipe import Training
from multirun_analysis.common import redaction
from multirun_analysis.schema import WITHOUT_SETTINGS, safe_name

FINGERPRINT = "00112233445566ff"


def job(**changes) -> JobSettings:
    default = {"width": 32, "matching": (Weights(), Covariance(), Activations()), "training": Training(), "points": 25}
    return small_settings(**default | changes)


def test_the_scope_has_every_setting_under_its_dotted_name_and_no_place():
    expected = {
        "width": 32,
        "depth": 1,
        "networks": 2,
        "seed": 0,
        "precision": "float32",
        "dataset": "mnist",
        "dataset.normalise": False,
        "dataset.train_size": None,
        "dataset.test_size": 10,
        "dataset.fingerprint": FINGERPRINT,
        "model": "mlp",
        "model.activation": "relu",
        "model.bias": True,
        "model.initialisation": "pytorch",
        "model.intrinsic_dimension": 2,
        "model.noise": 0.0,
        "model.law_seed": 0,
        "optimizer": "sgd",
        "optimizer.lr": 0.05,
        "optimizer.momentum": 0.9,
        "optimizer.weight_decay": 0.0,
        "optimizer.decayed": "all",
        "training.epochs": 20,
        "training.batch_size": 64,
        "training.schedule": "constant",
        "training.warmup_steps": 10,
        "training.warmup_lr": 1e-6,
        "training.data_order": "own",
        "training.label_smoothing": 0.0,
        "training.augmentation": "none",
        "training.crop_padding": 4,
        "code_version": 4,
    }
    assert scope(job(dataset=Mnist(root="/data", test_size=10)), FINGERPRINT) == expected


def test_what_settings_count_as_in_records_without_them_is_their_default():
    shown = scope(job(), FINGERPRINT)
    assert {key: shown[key] for key in WITHOUT_SETTINGS} == WITHOUT_SETTINGS


def test_the_plain_config_holds_every_setting_and_rebuilds_the_parts():
    settings = job(dataset=Mnist(root="/data"), store=Path("kept"), optimizer=Adam(lr=0.5), matching=(Weights(biases=True),))
    config = json.loads(json.dumps(plain_config(settings)))
    assert config["dataset"] == {"name": "mnist", "root": "/data", "normalise": False, "train_size": None, "test_size": None}
    assert config["matching"] == [
        {"name": "weights", "shuffled": False, "transport": "emd", "epsilon": 0.01, "biases": True, "outgoing": False}
    ]
    assert config["store"] == "kept"
    assert config["optimizer"].pop("name") == "adam"
    assert Adam(**config["optimizer"]) == settings.optimizer
    assert Training(**config["training"]) == settings.training
    assert {field.name for field in fields(JobSettings)} == {*config, "from_environment"}


def test_what_came_from_the_environment_is_told_by_its_interpolation_and_told_apart_by_a_digest():
    outside = (("dataset.root", "${oc.env:DATA,/s3cr3t}"), ("dataset.site", "${oc.env:SITE}"), ("model.activation", "${oc.env:ACT}"))

    @dataclass(frozen=True, kw_only=True)
    class Own(Mnist):
        site: str = ""
        token: str = ""

    own = [Own(root="/s3cr3t", site=site, token="s3cr3t") for site in ("here", "there")]
    configs = [plain_config(job(dataset=dataset, from_environment=outside)) for dataset in own]
    assert configs[0] == configs[1]
    assert configs[0]["dataset"]["site"] == "${oc.env:SITE}"
    assert configs[0]["dataset"]["token"] == "***"
    assert configs[0]["model"]["activation"] == "relu"  # a choice, of which load_networks builds the model
    scopes = [scope(job(dataset=dataset, from_environment=outside), FINGERPRINT) for dataset in own]
    assert [keys["dataset.site"] for keys in scopes] == [
        f"${{oc.env:SITE}} ({safe_name(hashlib.sha256(site.encode()).hexdigest()[:8])})" for site in ("here", "there")
    ]
    assert "s3cr3t" not in json.dumps(scopes)
    assert run_id(job(from_environment=outside), FINGERPRINT) == run_id(job(), FINGERPRINT)  # it is the value that counts


def test_a_store_in_the_users_home_is_told_without_the_users_name(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/alice"))
    redaction._home.cache_clear()
    try:
        assert plain_config(job(store=Path("/home/alice/networks")))["store"] == "~/networks"
        assert plain_config(job(dataset=Mnist(root="/home/alice/data")))["dataset"]["root"] == "~/data"
    finally:
        redaction._home.cache_clear()


@dataclass(frozen=True, kw_only=True)
class OwnModel(Mlp):
    site: str = ""
    key: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OwnOptimizer(Sgd):
    site: str = ""
    token: str = ""
    steps: int = 3


@dataclass(frozen=True, kw_only=True)
class OwnMethod(Weights):
    site: str = ""


def test_texts_of_parts_of_ones_own_from_the_environment_or_under_keys_of_secrets_are_told_apart_and_not_told():
    outside = {
        "model.site": "${oc.env:A}",
        "model.places.1": "${oc.env:B}",
        "optimizer.site": "${oc.env:C}",
        "optimizer.steps": "${oc.env:D}",
    }
    shown = {}
    for secret in ("s3cr3t-1", "s3cr3t-2"):
        method = OwnMethod(site=secret)
        settings = job(
            model=OwnModel(site=secret, key=secret, places=("here", secret)),
            optimizer=OwnOptimizer(site=secret, token=secret),
            matching=(method,),
            store=Path(f"/{secret}/networks"),
            from_environment=tuple(
                {**outside, "store.dir": "${oc.env:E}/networks", f"{environment_key(method)}.site": "${oc.env:F}"}.items()
            ),
        )
        record = {"config": plain_config(settings), "scope": scope(settings, FINGERPRINT), "method": measured_settings(settings, method)}
        assert "s3cr3t" not in json.dumps(record)
        assert record["config"]["store"] == "${oc.env:E}/networks"
        assert record["config"]["matching"][0]["site"] == "${oc.env:F}"
        assert (record["config"]["model"]["site"], record["config"]["model"]["key"]) == ("${oc.env:A}", "***")
        assert record["config"]["model"]["places"] == ("here", "${oc.env:B}")
        assert record["config"]["optimizer"]["steps"] == record["scope"]["optimizer.steps"] == 3  # no text
        shown[secret] = record
        by_hand = job(model=settings.model, optimizer=settings.optimizer, matching=settings.matching)
        assert run_id(settings, FINGERPRINT) == run_id(by_hand, FINGERPRINT)  # it is the value that counts
    one, other = shown.values()
    assert one["config"] == other["config"]
    differing = {key for key in one["scope"] if one["scope"][key] != other["scope"][key]}
    assert differing == {"model.site", "model.key", "model.places", "optimizer.site", "optimizer.token"}
    assert one["method"]["site"] != other["method"]["site"]
