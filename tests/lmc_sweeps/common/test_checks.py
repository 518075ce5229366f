"""Checks of user input: what passes comes back as it is, and what fails is named with its rule, its value and every choice."""

import math
import re

import pytest

from lmc_sweeps.common import checks


@pytest.mark.parametrize(("value", "limits"), [(1, {}), (0, {"least": 0}), (7, {"least": 2, "below": 8}), (10**30, {})])
def test_integer_returns_an_integer_within_its_limits(value: int, limits: dict) -> None:
    assert checks.integer("width", value, **limits) == value


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        (0, {}, "`width` must be a positive integer, got 0."),
        (-1, {"least": 0}, "`width` must be a non-negative integer, got -1."),
        (1, {"least": 2}, "`width` must be an integer of at least 2, got 1."),
        (8, {"least": 0, "below": 8}, "`width` must be a non-negative integer below 8, got 8."),
        (2.0, {}, "`width` must be a positive integer, got 2.0."),
        ("2", {}, "`width` must be a positive integer, got '2'."),
        (True, {}, "`width` must be a positive integer, got True."),
        (None, {}, "`width` must be a positive integer, got None."),
    ],
)
def test_integer_refuses_with_the_rule_and_the_value(value: object, limits: dict, message: str) -> None:
    with pytest.raises(checks.InputError, match=f"^{re.escape(message)}$"):
        checks.integer("width", value, **limits)


@pytest.mark.parametrize(
    ("value", "limits"),
    [(0.5, {}), (-3, {}), (0.0, {"least": 0.0}), (1e-300, {"above": 0.0}), (0.999, {"least": 0.0, "below": 1.0})],
)
def test_number_returns_a_float_of_the_same_value(value: float, limits: dict) -> None:
    result = checks.number("lr", value, **limits)
    assert result == value
    assert type(result) is float


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        (0.0, {"above": 0.0}, "`lr` must be a finite number above 0, got 0.0."),
        (-0.1, {"least": 0.0}, "`lr` must be a finite number at least 0, got -0.1."),
        (1.0, {"least": 0.0, "below": 1.0}, "`lr` must be a finite number at least 0 and below 1, got 1.0."),
        (math.nan, {}, "`lr` must be a finite number, got nan."),
        (math.inf, {"above": 0.0}, "`lr` must be a finite number above 0, got inf."),
        (-math.inf, {}, "`lr` must be a finite number, got -inf."),
        ("0.1", {}, "`lr` must be a finite number, got '0.1'."),
        (True, {}, "`lr` must be a finite number, got True."),
    ],
)
def test_number_refuses_with_the_rule_and_the_value(value: object, limits: dict, message: str) -> None:
    with pytest.raises(checks.InputError, match=f"^{re.escape(message)}$"):
        checks.number("lr", value, **limits)


def test_text_returns_its_value() -> None:
    assert checks.text("project", "lmc sweeps") == "lmc sweeps"


@pytest.mark.parametrize("value", ["", None, 3, ["a"]])
def test_text_refuses_what_is_none_or_empty(value: object) -> None:
    with pytest.raises(checks.InputError, match=re.escape(f"`project` must be a text, got {value!r}.")):
        checks.text("project", value)


@pytest.mark.parametrize("value", [True, False])
def test_boolean_returns_its_value(value: bool) -> None:
    assert checks.boolean("bias", value) is value


@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_boolean_refuses_what_is_only_like_true_or_false(value: object) -> None:
    with pytest.raises(checks.InputError, match=f"^`bias` must be true or false, got {re.escape(repr(value))}.$"):
        checks.boolean("bias", value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("tahn", "`activation` must be one of gelu, relu, tanh, got 'tahn'. Did you mean 'tanh'?"),
        ("zzz", "`activation` must be one of gelu, relu, tanh, got 'zzz'."),
        (None, "`activation` must be one of gelu, relu, tanh, got None."),
        (["relu"], "`activation` must be one of gelu, relu, tanh, got ['relu']."),
    ],
)
def test_one_of_names_every_choice_and_the_nearest_one(value: object, message: str) -> None:
    with pytest.raises(checks.InputError, match=f"^{re.escape(message)}"):
        checks.one_of("activation", value, ("relu", "tanh", "gelu"))


def test_one_of_returns_each_of_its_choices_even_from_an_iterator() -> None:
    assert [checks.one_of("activation", word, iter(["relu", "tanh"])) for word in ("relu", "tanh")] == ["relu", "tanh"]


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("", "`widht` is not a key; the keys at the top level are depth, width. Did you mean 'width'?"),
        ("model", "`model.widht` is not a key; the keys at `model` are depth, width. Did you mean 'width'?"),
    ],
)
def test_an_unknown_key_is_named_with_its_place_and_all_known_keys(prefix: str, message: str) -> None:
    checks.known_keys(prefix, ["depth", "width"], ["width", "depth"])
    with pytest.raises(checks.InputError, match=f"^{re.escape(message)}$"):
        checks.known_keys(prefix, ["depth", "widht"], ["width", "depth"])


def test_an_input_error_is_a_value_error() -> None:
    assert issubclass(checks.InputError, ValueError)
