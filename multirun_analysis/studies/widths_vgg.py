"""`widths_vgg`: barrier against width of VGG-11 with batch and layer norms, matched and repaired."""

from multirun_analysis.studies.widths_and_norms import study

STUDY = study(("identity", "random", "weights", "rebasin", "activations"))
