"""Matching methods with a mistake: what they did not list, numbers that are not finite, claims that nobody made."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from small_pairs import METHODS, measured, network, perceptron

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.base import MatchingProblem, SequentialMatching
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.measuring.problems import matching_problem, solved

LOOKS: dict[str, Any] = {
    "weights of A": lambda problem: problem.a.weights["hidden_1.weight"],
    "weights of B": lambda problem: problem.b.weights["hidden_1.weight"],
    "moments of A": lambda problem: problem.a.moments["hidden_1"],
    "moments of B": lambda problem: problem.b.moments["hidden_1"],
    "cross_moments": lambda problem: problem.cross_moments[0, 1]["hidden_1"],
    "loss": lambda problem: problem.loss.loss({}),
    "generator": lambda problem: problem.generator.permutation(3),
}


@dataclass(frozen=True, kw_only=True)
class Looking(Identity):
    """Looks at a field and matches nothing."""

    name: ClassVar[str] = "looking"
    field: str = ""

    def __call__(self, problem: MatchingProblem) -> Any:
        LOOKS[self.field](problem)
        return super().__call__(problem)


def method(field: str, *needs: str) -> Looking:
    return type("Looking", (Looking,), {"needs": frozenset(needs), "name": "looking"})(field=field)


@pytest.mark.parametrize("field", LOOKS)
def test_a_field_that_a_method_did_not_list_is_named_with_what_to_list(field: str) -> None:
    need = field.partition(" ")[0]
    others = {"weights", "moments", "cross_moments"} - {need}
    for needs in ((), tuple(others)):
        looking = method(field, *needs)
        problem = matching_problem(perceptron(), [network(0), network(1)], None, looking.needs)
        with pytest.raises(InputError) as error:
            solved(looking, problem)
        sentence = str(error.value)
        assert sentence.startswith("matching=looking: ")
        assert f"`{need}`" in sentence
        assert f"a method must list {need!r}" in sentence or f"{need!r} in its `needs` to see it" in sentence
        assert sentence.endswith(f"; its `needs` lists {', '.join(sorted(needs)) or 'nothing'}.")


def test_fields_that_a_method_did_not_list_are_empty_to_whoever_asks() -> None:
    problem = matching_problem(perceptron(), [network(0), network(1)], None, ())
    assert not problem.a.weights
    assert problem.a.moments == {}
    assert "hidden_1" not in problem.cross_moments
    assert problem.b.moments.get("hidden_1") is None
    assert (problem.loss, problem.generator) == (None, None)


def test_a_method_that_returns_nothing_is_named() -> None:
    silent = type("Silent", (Looking,), {"__call__": lambda self, problem: None, "name": "silent"})()
    with pytest.raises(InputError, match=r"^matching=silent: `__call__` must return a MatchingResult, got NoneType\.$"):
        measured(perceptron(), [silent])


def test_another_mistake_of_a_method_stays_what_it_is() -> None:
    broken = type("Broken", (Looking,), {"__call__": lambda self, problem: None + 3, "name": "broken"})()
    with pytest.raises(TypeError, match="unsupported operand"):
        solved(broken, matching_problem(perceptron(), [network(0), network(1)], None, ()))


@dataclass(frozen=True, kw_only=True)
class NotFinite(Weights):
    """Has a cost or a spectrum with numbers that are not finite in the second layer."""

    name: ClassVar[str] = "not_finite"
    method: str = "ground_cost"
    value: float = np.nan

    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Any) -> np.ndarray:
        cost = super().ground_cost(problem, group, permutations)
        if group == "hidden_2" and self.method == "ground_cost":
            cost[0, :3] = self.value
        return cost

    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        spectrum = super().spectrum(problem, group)
        return spectrum * self.value if group == "hidden_2" and self.method == "spectrum" else spectrum


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("transport", ["emd", "assignment"])
def test_a_cost_that_is_not_finite_is_refused_with_method_layer_and_count(value: float, transport: str) -> None:
    with pytest.raises(InputError) as error:
        measured(perceptron(), [NotFinite(value=value, transport=transport)])
    assert str(error.value) == (
        "matching=not_finite: `ground_cost` must return finite numbers, got 3 of 64 entries that are not, in layer 2 ('hidden_2')."
    )


def test_a_spectrum_that_is_not_finite_is_refused_too() -> None:
    with pytest.raises(InputError, match=r"^matching=not_finite: `spectrum` must return finite numbers, got \d of \d entries that are not"):
        measured(perceptron(), [NotFinite(method="spectrum")])


def test_no_class_inherits_the_claim_that_its_neurons_are_gaussian() -> None:
    class Silent(Weights):
        name = "silent"

    class Claiming(Silent):
        name = "claiming"
        keeps_gaussian = True

    assert [kind.keeps_gaussian for kind in (SequentialMatching, Silent, Claiming)] == [False, False, True]
    assert [method.name for method in METHODS if getattr(method, "keeps_gaussian", False)] == ["weights", "covariance"]
    bounds = {kind: [row.cost_lower_bound for row in measured(perceptron(), [kind()]).layers] for kind in (Weights, Silent, Claiming)}
    assert np.isnan(bounds[Silent]).all()
    assert bounds[Weights] == bounds[Claiming]
    assert not np.isnan(bounds[Weights]).any()
