"""`widths_resnet_layer`: its methods are among those of its experiment, with the controls."""

from multirun_analysis.studies.widths_resnet_layer import STUDY


def test_the_study_is_about_the_controls_and_the_methods_of_the_experiment():
    assert dict(STUDY.among) == {"model.norm": ("layer",)}
    assert set(STUDY.methods) == {"identity", "random", "rebasin", "activations"}
