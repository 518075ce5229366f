"""Methods by their names: each once, with its own settings, and what is refused in one sentence."""

import re

import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.own_networks.methods import build_methods


def test_a_name_is_a_method_and_a_name_twice_is_one():
    assert build_methods("weights", {}) == build_methods(["weights", "weights"], {}) == (Weights(),)
    assert build_methods(["weights", "identity"], {}) == (Weights(), Identity())


def test_a_methods_own_transport_stands_before_that_of_all():
    assert build_methods(["weights"], {}, transport="assignment") == (Weights(transport="assignment"),)
    own = {"weights": {"transport": "emd", "biases": True}}
    assert build_methods(["weights"], own, transport="assignment") == (Weights(biases=True),)


@pytest.mark.parametrize(
    ("names", "settings", "message"),
    [
        ([1], {}, "`matching` must be a sequence of names of methods, got [1]."),
        ([], {}, "`matching` must name at least one method, got none."),
        (["weight"], {}, "`matching` must be one of activations, annealing, covariance, folding, frank_wolfe, identity, learned_maps, otfusion, procrustes, random, rebasin, rebasin_covariance, sinkhorn, straight_through, weights, got 'weight'. Did you mean 'weights'?"),
        (["weights"], {"weights": True}, "`settings` must be a mapping of methods to mappings of their settings, got {'weights': True}."),
        (["weights"], {"weights": {"bias": True}}, "`matching.weights.bias` is not a key; the keys at `matching.weights` are"),
        (["weights"], {"covarianc": {}}, "`settings.covarianc` is not a key; the keys at `settings` are weights."),
        (["weights"], {"rebasin": {}}, "`settings` are for 'rebasin', which `matching` does not name; add it: weights."),
    ],
)  # fmt: skip
def test_methods_and_settings_that_are_none_are_refused_in_one_sentence(names, settings, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        build_methods(names, settings)
