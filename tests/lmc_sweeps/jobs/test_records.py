"""Records: what is written is read back, what is damaged or from the future is not, and results add up."""

import errno
import json
import math

import numpy as np
import pytest
import torch
from small_records import record

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs import records
from lmc_sweeps.jobs.permutation_files import read_permutations, write_permutations
from lmc_sweeps.jobs.records import (
    forget_failure,
    is_finished,
    is_measured,
    read_record,
    surroundings,
    write_failure,
    write_record,
)
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.repair.rescale import Rescale
from multirun_analysis.schema import SCHEMA_VERSION


def test_what_is_written_is_read_back(tmp_path):
    write_record(tmp_path / "job", record(seconds=0.1 + 0.2, text="é", nothing=None, yes=True))
    assert read_record(tmp_path / "job") == record(seconds=0.1 + 0.2, text="é", nothing=None, yes=True)
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["record.json"]


def test_a_record_that_was_changed_or_lost_its_seal_is_none_however_it_was_rewritten(tmp_path):
    write_record(tmp_path, record(value=1.5))
    path = tmp_path / "record.json"
    whole = path.read_bytes()
    assert b"1.5" in whole
    changed = whole.replace(b"1.5", b"2.5")
    for rewritten in (changed, changed + b"\n", json.dumps(json.loads(changed)).encode(), b"\xef\xbb\xbf" + changed):
        path.write_bytes(rewritten)
        assert read_record(tmp_path) is None
    for rewritten in (whole + b"\n", json.dumps(json.loads(whole)).encode(), whole.replace(b"\n", b"\r\n")):
        path.write_bytes(rewritten)
        assert read_record(tmp_path) == record(value=1.5)
    path.write_bytes(whole.replace(b'"schema_version": ', b'"schema_version": 9'))  # damaged, not of a later version
    assert read_record(tmp_path) is None
    path.write_text(json.dumps(record(value=2.5)))
    assert read_record(tmp_path) is None


def test_a_record_that_cannot_be_read_is_not_taken_for_none_and_replaced(tmp_path, monkeypatch):
    write_record(tmp_path, record())

    def refuse(path, most_bytes):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(records, "read_file", refuse)
    with pytest.raises(InputError, match=r"record\.json cannot be read \(Permission denied\), so nothing is put in its place\."):
        read_record(tmp_path)


def test_a_record_beyond_all_bounds_is_none_before_memory_is_taken(tmp_path):
    with (tmp_path / "record.json").open("wb") as stream:
        stream.truncate(2**40)
    assert read_record(tmp_path) is None


def test_what_was_not_checked_is_never_sealed_again(tmp_path):
    write_record(tmp_path, record(value=1.5))
    path = tmp_path / "record.json"
    path.write_bytes(path.read_bytes().replace(b"1.5", b"2.5") + b"\n")
    assert forget_failure(tmp_path) is None
    assert b"2.5" in path.read_bytes()  # as it was: nobody has written it again
    assert read_record(tmp_path) is None
    write_failure(tmp_path, "abc", {}, "KeyError: x")
    assert read_record(tmp_path)["status"] == "failed"
    assert b"2.5" not in path.read_bytes()


def test_equal_records_are_equal_bytes_whatever_the_order_of_their_keys(tmp_path):
    write_record(tmp_path / "a", record())
    write_record(tmp_path / "b", dict(reversed(record().items())))
    assert (tmp_path / "a" / "record.json").read_bytes() == (tmp_path / "b" / "record.json").read_bytes()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_values_that_are_not_finite_become_null(tmp_path, value):
    write_record(tmp_path, record(x=value, deep=[{"y": (1.0, value)}]))
    record_read = read_record(tmp_path)
    assert record_read["x"] is None
    assert record_read["deep"] == [{"y": [1.0, None]}]


def test_a_record_cut_anywhere_counts_as_none(tmp_path):
    write_record(tmp_path, record())
    path = tmp_path / "record.json"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert read_record(tmp_path) is None
    path.write_bytes(whole)
    assert read_record(tmp_path) == record()


@pytest.mark.parametrize("text", ["[]", "3", "null", "{}", '{"schema_version": null}', '{"schema_version": "one"}', "\xff"])
def test_another_kind_of_file_counts_as_none(tmp_path, text):
    (tmp_path / "record.json").write_text(text, encoding="latin-1")
    assert read_record(tmp_path) is None


def test_no_folder_and_no_file_count_as_none(tmp_path):
    assert read_record(tmp_path) is None
    assert read_record(tmp_path / "nowhere") is None


def test_a_record_of_a_later_version_is_refused(tmp_path):
    later = SCHEMA_VERSION + 1
    write_record(tmp_path, record(schema_version=later))
    message = rf"record\.json has schema version {later}; this lmc_sweeps reads up to {SCHEMA_VERSION}\. Use a newer one\."
    with pytest.raises(InputError, match=message):
        read_record(tmp_path)


@pytest.mark.parametrize(("status", "finished"), [("ok", True), ("diverged", True), ("failed", False)])
def test_measured_and_diverged_records_are_finished(status, finished):
    assert is_finished(record(status=status)) is finished
    assert not is_finished(None)


def test_a_method_counts_as_measured_with_the_same_settings():
    measured = record((Identity(), Weights(biases=True)))
    assert is_measured(measured, Weights(biases=True), [NoRepair()])
    assert not is_measured(measured, Weights(), [NoRepair()])
    assert not is_measured(measured, Activations(), [NoRepair()])
    assert not is_measured(measured, Weights(biases=True), [NoRepair(), Rescale()])


def test_a_record_with_lines_of_several_numbers_of_points_counts_as_none(tmp_path):
    mixed = record()
    mixed["curves"][0]["t"] = [0.0, 0.25, 0.5, 0.75, 1.0]
    write_record(tmp_path, mixed)
    assert read_record(tmp_path) is None


def test_a_failure_is_written_down_and_does_not_count_as_finished(tmp_path):
    write_failure(tmp_path, "abc", {"width": 3}, "MemoryError: too wide")
    failed = read_record(tmp_path)
    expected = {"run_id": "abc", "scope": {"width": 3}, "sentence": "MemoryError: too wide", "status": "failed"}
    assert failed == {**expected, "schema_version": SCHEMA_VERSION}
    assert not is_finished(failed)


def test_a_failure_beside_results_keeps_the_results(tmp_path):
    write_record(tmp_path, record())
    write_failure(tmp_path, "abc", {}, "KeyError: x")
    assert read_record(tmp_path) == record(failure="KeyError: x")


def test_a_failure_of_another_job_leaves_a_finished_record_as_it_is(tmp_path):
    write_record(tmp_path, record())
    write_failure(tmp_path, "other", {}, "KeyError: x")
    assert read_record(tmp_path) == record()


def test_names_of_earlier_versions_are_read_as_they_are_now(tmp_path):
    pair, row = {"network_a": "8250e2414376239c", "network_b": "abc"}, {"matching": "weights", "settings_hash": "12345678"}
    old = record(run_id="1234567890123456", networks=[{"name": "8250e2414376239c"}, {"name": "abc"}])
    old |= {"matching": [{**row, "settings": {}}], "runs": [pair | row], "layers": [], "no_plane": [pair | row]}
    old["curves"] = [{**pair, **row, "t": [0, 0.5, 1]}]
    write_record(tmp_path, old)
    current = read_record(tmp_path)
    assert current["run_id"] == "x1234567890123456"
    assert [network["name"] for network in current["networks"]] == ["x8250e2414376239c", "abc"]
    for table in ("runs", "curves", "no_plane"):
        assert [(row["network_a"], row["network_b"], row["settings_hash"]) for row in current[table]] == [
            ("x8250e2414376239c", "abc", "x12345678")
        ]
    write_permutations(tmp_path, {"8250e2414376239c.abc.weights.12345678": {"hidden_1": np.arange(3)}})
    assert list(read_permutations(tmp_path, current)) == ["x8250e2414376239c.abc.weights.x12345678/hidden_1"]


def test_the_surroundings_name_the_versions_and_the_device():
    around = surroundings(torch.device("cpu"))
    assert around["versions"]["numpy"] == np.__version__
    assert around["versions"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]  # not every wheel names its build
    assert (around["machine"]["device"], around["machine"]["threads"]) == ("cpu", torch.get_num_threads())
    assert json.loads(json.dumps(around)) == around


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("text", [DEEP, "[]", "null", '{"schema_version": Infinity}', '{"schema_version": ' + DEEP + "}", "\xff"])
def test_a_file_that_holds_anything_at_all_counts_as_no_record(tmp_path, text):
    (tmp_path / "record.json").write_bytes(text.encode("latin-1"))
    assert read_record(tmp_path) is None


@pytest.mark.parametrize("key", ["matching", "runs", "curves", "layers", "no_plane", "notes"])
@pytest.mark.parametrize("row", [None, [], 1, {}, {"matching": "weights", "settings_hash": {}}, {"matching": 1, "settings_hash": "0"}])
def test_a_record_whose_rows_are_not_known_by_words_counts_as_none(tmp_path, key, row):
    write_record(tmp_path, record(**{key: [row]}))
    assert read_record(tmp_path) is None


@pytest.mark.parametrize("key", ["runs", "no_plane", "notes"])
@pytest.mark.parametrize("status", ["ok", "failed"])
def test_a_record_with_something_else_in_place_of_rows_counts_as_none(tmp_path, key, status):
    write_record(tmp_path, record(**{key: -1, "status": status}))
    assert read_record(tmp_path) is None
