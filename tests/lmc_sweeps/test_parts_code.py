"""The code of a user's own parts is in the names of networks, jobs and methods; that of ours, which has versions, is in none."""

import logging
from pathlib import Path

import pytest
from parts_folders import DATASET, METHOD, MODEL, TRANSPORT, added, write_parts
from small_jobs import small_settings

from lmc_sweeps import datasets, load_networks, matching, models
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.identity import code_of
from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.identities import identity, run_id
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.missing import missing_methods
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.recorded import scope
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from multirun_analysis.records.varying import varying_keys

EDITED = "\nVALUE = 3\n"
OTHERS = ("otfusion", "rebasin", "rebasin_covariance")  # methods with a transport that are no `SequentialMatching`
HELPED = "from lmc_sweeps.models._helper import VALUE\n"


def names(folder: Path) -> dict[str, str]:
    """Return the name of a job with each of a folder's parts, and the hashes of its methods."""
    with added(folder):
        dataset, model, mine = datasets.choices()["corners"](), models.choices()["small"](), matching.choices()["mine"]
        mark = fingerprint(dataset.load())
        return {
            "dataset": run_id(small_settings(dataset=dataset), mark),
            "model": run_id(small_settings(model=model), mark),
            "matching": mine().settings_hash(),
            "transport": matching.choices()["weights"](transport="twice").settings_hash(),
            "both": mine(transport="twice").settings_hash(),
            **{name: matching.choices()[name](transport="twice").settings_hash() for name in OTHERS},
        }


@pytest.mark.parametrize(
    ("file", "text", "renamed"),
    [
        ("datasets/corners.py", DATASET, {"dataset"}),
        ("models/small.py", MODEL, {"model"}),
        ("matching/mine.py", METHOD, {"matching", "both"}),
        ("transport/twice.py", TRANSPORT, {"transport", "both", *OTHERS}),
    ],
)
def test_an_edited_file_renames_what_is_made_with_its_part_and_nothing_else(
    tmp_path: Path, file: str, text: str, renamed: set[str]
) -> None:
    before = names(write_parts(tmp_path / "a"))
    after = names(write_parts(tmp_path / "b", {file: text + EDITED}))
    assert {key for key in before if before[key] != after[key]} == renamed


def test_neither_the_place_of_a_folder_nor_the_ends_of_its_lines_is_in_a_name(tmp_path: Path) -> None:
    unix, windows = write_parts(tmp_path / "a"), write_parts(tmp_path / "deep/b")
    (windows / "models/small.py").write_bytes(MODEL.replace("\n", "\r\n").encode())
    assert names(unix) == names(windows)


@pytest.mark.parametrize(
    "line", [HELPED, "from lmc_sweeps.models import _helper\n", "import lmc_sweeps.models._helper\n", "from ._helper import VALUE\n"]
)
def test_a_helper_that_a_part_imports_counts_as_its_code(tmp_path: Path, line: str) -> None:
    first, second = (
        names(write_parts(tmp_path / name, {"models/small.py": line + MODEL, "models/_helper.py": f"from ._last import VALUE\n{name} = 1\n", "models/_last.py": "VALUE = 1\n"}))
        for name in "ab"
    )  # fmt: skip
    assert {key for key in first if first[key] != second[key]} == {"model"}


def test_a_helper_of_a_helper_counts_and_what_nobody_imports_does_not(tmp_path: Path) -> None:
    files = {"models/small.py": HELPED + MODEL, "models/_helper.py": "from multirun_analysis.stats.last import VALUE\n", "stats/last.py": "VALUE = 1\n"}  # fmt: skip
    first = names(write_parts(tmp_path / "a", files))
    last = names(write_parts(tmp_path / "b", {**files, "stats/last.py": "VALUE = 2\n"}))
    other = names(write_parts(tmp_path / "c", {**files, "models/_other.py": "VALUE = 2\n"}))
    assert first["model"] != last["model"]
    assert first == other


def test_parts_of_ours_have_no_code_in_their_names(tmp_path: Path) -> None:
    job = small_settings()
    before = identity(job, "0"), scope(job, "0"), Weights().settings_hash()
    with added(write_parts(tmp_path)):
        assert (identity(job, "0"), scope(job, "0"), Weights().settings_hash()) == before
        assert code_of(Mlp) == {}


def test_records_tell_two_states_of_one_method_apart_and_neither_is_taken_for_the_other(tmp_path: Path) -> None:
    entries = []
    for name, text in (("a", METHOD), ("b", METHOD + EDITED)):
        with added(write_parts(tmp_path / name, {"matching/mine.py": text})):
            method = matching.choices()["mine"](transport="twice")
            entries += records.matching_entries([method])
            record = {"status": "ok", "points": 3, "matching": entries[:1], "run_id": "r"}
            settings = small_settings(matching=(Weights(),))
            if name == "a":  # more points: what the record holds is measured again, by the same code
                assert method in missing_methods(settings, record, tmp_path)
            else:
                with pytest.raises(InputError, match="are unknown here: .* or of a part whose code was changed"):
                    missing_methods(settings, record, tmp_path)
    assert entries[0]["settings"].keys() == entries[1]["settings"].keys() >= {"code", "transport.code"}
    assert entries[0]["settings_hash"] != entries[1]["settings_hash"]
    assert entries[0]["settings"]["transport.code"] == entries[1]["settings"]["transport.code"]


def test_networks_of_a_model_whose_code_was_changed_are_loaded_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, store = tmp_path / "job", tmp_path / "store"
    with added(write_parts(tmp_path / "a")):
        dataset = datasets.choices()["corners"]()
        data = dataset.load()
        settings = small_settings(dataset=dataset, model=models.choices()["small"](), store=store, training=small_settings().training)
        run_job(PreparedJob(settings, data, fingerprint(data)), folder)
        load_networks(folder)
    assert "other code" not in caplog.text
    with added(write_parts(tmp_path / "b", {"models/small.py": MODEL + EDITED})), caplog.at_level(logging.WARNING):
        load_networks(folder)
    assert "the model 'small' had other code" in caplog.text


def test_code_has_a_column_only_where_the_name_of_the_part_does_not_tell_it() -> None:
    scopes = [{"model": "mlp"}, {"model": "small", "model.code": "ab"}]
    assert varying_keys(scopes) == ([], {"model.code": "model"})
    assert varying_keys([*scopes, {"model": "small", "model.code": "cd"}]) == (["model.code"], {})
