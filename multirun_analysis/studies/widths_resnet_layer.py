"""`widths_resnet_layer`: barrier against width of ResNet-20 with layer norms, matched and repaired."""

from multirun_analysis.studies.widths_and_norms import study

STUDY = study(("identity", "random", "rebasin", "activations"), norm="layer")
