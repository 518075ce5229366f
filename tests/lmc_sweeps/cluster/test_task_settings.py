"""Settings of the cluster launcher: every rule has its sentence, and jobs must fit into a task."""

import re

import pytest

from lmc_sweeps.cluster.task_settings import ClusterSettings
from lmc_sweeps.common.checks import InputError

pytestmark = pytest.mark.needs("submitit")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"cluster": "sge"}, "`hydra.launcher.cluster` must be one of local, slurm, got 'sge'."),
        ({"networks_per_task": 0}, "`hydra.launcher.networks_per_task` must be a positive integer, got 0."),
        ({"array_parallelism": 1.5}, "`hydra.launcher.array_parallelism` must be a positive integer, got 1.5."),
        ({"timeout_min": 0}, "`hydra.launcher.timeout_min` must be a positive integer, got 0."),
        ({"max_num_timeout": -1}, "`hydra.launcher.max_num_timeout` must be a non-negative integer, got -1."),
        ({"mem_gb": 0}, "`hydra.launcher.mem_gb` must be a finite number above 0, got 0."),
        ({"least_minutes": "x"}, "`hydra.launcher.least_minutes` must be a finite number at least 0, got 'x'."),
        ({"partition": 3}, "`hydra.launcher.partition` must be a name that your cluster knows, or null, got 3."),
        ({"setup": "module load x"}, "`hydra.launcher.setup` must be a list of lines of shell, got 'module load x'."),
        ({"setup": [1]}, "`hydra.launcher.setup` must be a list of lines of shell, got [1]."),
        ({"additional_parameters": "x"}, "`hydra.launcher.additional_parameters` must be a mapping of sbatch's own parameters, got 'x'."),
        ({"qoss": "x"}, "`hydra.launcher.qoss` is not a key; the keys at `hydra.launcher` are account, "),
        (
            {"timeout_min": 2},
            "`hydra.launcher.timeout_min` must leave a task time to work before its stop signal: at least twice "
            "`hydra.launcher.signal_delay_s` (90 s), got 2 min. Raise the one or lower the other.",
        ),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused_in_words(values, sentence):
    with pytest.raises(InputError, match="^" + re.escape(sentence)):
        ClusterSettings.from_config(values)


def test_a_short_timeout_is_taken_with_a_short_delay():
    assert ClusterSettings.from_config({"timeout_min": 2, "signal_delay_s": 60}).timeout_min == 2
