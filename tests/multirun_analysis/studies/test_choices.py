"""The studies by name."""

from multirun_analysis.studies import choices


def test_every_study_is_found_by_name():
    names = {"paper_figure2", "width_mnist", "mean_field", "gaussian_init", "gaussian_init_depth", "low_dimension", "depth_mnist"}
    assert names | {"widths_resnet", "widths_vgg", "transformers"} <= set(choices())
