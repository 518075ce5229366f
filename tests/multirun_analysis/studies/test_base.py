"""What a study says of itself: nothing, unless it is told."""

from dataclasses import FrozenInstanceError

import pytest

from multirun_analysis import studies
from multirun_analysis.studies.base import Study


def test_a_study_without_arguments_fits_any_sweep_over_width_and_adds_nothing():
    study = Study()
    assert (study.needs, study.may, study.methods, study.dataset) == ((), ("width",), (), None)
    assert study.among == study.tables == study.figures == {}
    with pytest.raises(FrozenInstanceError):
        study.dataset = "mnist"


@pytest.mark.parametrize("name", studies.choices())
def test_the_parts_of_a_study_are_functions_and_its_values_are_tuples(name):
    study = studies.choices()[name]
    assert study.figures
    assert all(callable(part) for part in (*study.tables.values(), *study.figures.values()))
    assert all(isinstance(values, tuple) and values for values in study.among.values())
