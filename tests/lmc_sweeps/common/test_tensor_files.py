"""Tensors as bytes: back as they were, in one order, with their words, and every difference from a template or in a digest noticed."""

import io
import json

import pytest
import torch
from safetensors.torch import save

from lmc_sweeps.common.tensor_files import check_like, packed, tensors_digest, unpacked, words_digest, words_of

WORDS = {"identity": {"width": 3}, "seconds": 1.5}
TENSORS = {"b": torch.arange(6.0).view(2, 3), "a": torch.arange(3, dtype=torch.int64)}


def test_tensors_and_words_come_back_the_tensors_sorted_by_name():
    contents = packed(TENSORS, "entry", WORDS)
    tensors = unpacked(contents)
    assert list(tensors) == ["a", "b"]
    assert all(torch.equal(tensor, TENSORS[name]) for name, tensor in tensors.items())
    assert words_of(io.BytesIO(contents), "entry") == WORDS


def test_equal_tensors_are_equal_bytes_however_they_lie_in_memory_and_in_whatever_order():
    turned = {"a": TENSORS["a"].clone(), "b": TENSORS["b"].T.contiguous().T.requires_grad_()}
    assert packed(turned, "entry", dict(reversed(WORDS.items()))) == packed(TENSORS, "entry", WORDS)


@pytest.mark.parametrize("contents", [b"", b"\x00" * 8, packed(TENSORS, "entry", WORDS)[:20], save(TENSORS)])
def test_a_file_without_words_is_an_error(contents):
    with pytest.raises((json.JSONDecodeError, KeyError)):
        words_of(io.BytesIO(contents), "entry")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"c": torch.ones(1)}, "its tensors are a, b, c, not a, b"),
        ({"b": torch.ones(3, 2)}, r"its tensor 'b' is \(3, 2\) float32, not \(2, 3\) float32"),
        ({"a": torch.ones(3)}, r"its tensor 'a' is \(3,\) float32, not \(3,\) int64"),
    ],
)
def test_tensors_unlike_their_template_are_named(changes, message):
    check_like(TENSORS, {name: tensor.to("meta") for name, tensor in TENSORS.items()})
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_like(TENSORS | changes, TENSORS)


def test_a_digest_is_of_names_types_shapes_values_and_words_and_of_no_order():
    others = [
        {"c": TENSORS["b"], "a": TENSORS["a"]},
        TENSORS | {"a": TENSORS["a"].to(torch.int32)},
        TENSORS | {"b": TENSORS["b"].view(3, 2)},
        TENSORS | {"b": TENSORS["b"] + 1},
    ]
    digests = [tensors_digest(tensors, WORDS) for tensors in (TENSORS, *others)] + [tensors_digest(TENSORS, {})]
    assert len(set(digests)) == len(digests)
    assert tensors_digest(dict(reversed(TENSORS.items())), dict(reversed(WORDS.items()))) == digests[0]
    assert words_digest(WORDS) == words_digest(dict(reversed(WORDS.items()))) != words_digest({})
