"""Which key was meant: other programs' names for ours, keys of another group, and the nearest ones."""

import pytest

from lmc_sweeps.common.suggestions import MEANT, likely_key

KEYS = ["width", "depth", "seed", "optimizer.lr", "optimizer.momentum", "training.epochs", "training.batch_size", "dataset.root"]


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("widht", " Did you mean 'width'?"),
        ("optimizer.momentun", " Did you mean 'optimizer.momentum'?"),
        ("momentum", " Did you mean 'optimizer.momentum'?"),
        ("training.lr", " Did you mean 'optimizer.lr'?"),
        ("LR", " Did you mean 'optimizer.lr'?"),
        ("hidden_size", " Did you mean 'width'?"),
        ("bs", " Did you mean 'training.batch_size'?"),
        ("zzzzzz", ""),
    ],
)
def test_the_key_that_was_probably_meant_is_named(typed, hint):
    assert likely_key(typed, KEYS) == hint


def test_of_several_groups_with_a_key_each_is_named():
    keys = [f"{group}.lr" for group in ("one", "two")]
    assert likely_key("lr", keys) == " Did you mean 'one.lr' or 'two.lr'?"


def test_no_name_of_other_programs_means_two_keys_or_is_a_key_itself():
    names = [name for meant in MEANT.values() for name in meant]
    assert len(names) == len(set(names))
    assert not set(names) & set(MEANT)
