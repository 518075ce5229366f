"""`widths_resnet`: barrier against width of ResNet-20 with batch and layer norms, matched and repaired."""

from multirun_analysis.studies.widths_and_norms import study

STUDY = study(("identity", "random", "rebasin", "activations"))
