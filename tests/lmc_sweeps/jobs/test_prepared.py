"""A job that can run: its names and its shape follow from the settings and the data."""

from small_jobs import digits, small_job

from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.jobs.identities import network_identity, network_name, run_id
from lmc_sweeps.jobs.recorded import scope
from lmc_sweeps.models.base import Shape

JOB = small_job(networks=3, width=7, depth=2)
MARK = fingerprint(digits())


def test_its_names_are_those_of_its_settings_on_these_data():
    assert JOB.run_id == run_id(JOB.settings, MARK)
    assert JOB.scope == scope(JOB.settings, MARK)
    assert [JOB.network_identity(k) for k in range(3)] == [network_identity(JOB.settings, MARK, k) for k in range(3)]
    assert JOB.network_names == [network_name(JOB.network_identity(k)) for k in range(3)]


def test_its_networks_have_the_inputs_and_classes_of_the_data():
    assert JOB.shape == Shape(inputs=(1, 8, 8), width=7, depth=2, classes=10)
    assert JOB.architecture.spec.groups == ("hidden_1", "hidden_2")
    assert JOB.architecture.spec.axes["output.weight"] == (None, "hidden_2")
