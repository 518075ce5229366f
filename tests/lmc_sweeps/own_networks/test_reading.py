"""Examples read of pairs, datasets and loaders: all of them, the bits of the tensors, and hostile ones in one sentence."""

import itertools
import re

import numpy as np
import pytest
import torch
from callers_networks import N, X, Y
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, Subset, TensorDataset

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import spread
from lmc_sweeps.own_networks import reading
from lmc_sweeps.own_networks.reading import read_examples


class Items(Dataset):
    """Items one by one, some of them changed; `calls` counts how often each was read."""

    def __init__(self, change: object = lambda k, item: item, examples: int = N) -> None:
        self.change, self.examples, self.calls = change, examples, np.zeros(N, dtype=int)

    def __len__(self) -> int:
        return self.examples

    def __getitem__(self, k: int) -> object:
        self.calls[k] += 1
        return self.change(k, (X[k], int(Y[k])))


class Chunks(Items):
    """Items that are read many at a time."""

    def __getitem__(self, k: int) -> object:
        raise AssertionError("read one by one")

    def __getitems__(self, rows: list[int]) -> list[object]:
        return [Items.__getitem__(self, k) for k in rows]


class Stream(IterableDataset):
    """Items without a length, or without an end."""

    def __init__(self, rows: object = range(N)) -> None:
        self.rows = rows

    def __iter__(self) -> object:
        return ((X[k % N], int(Y[k % N])) for k in self.rows)


WHOLE: dict[str, object] = {
    "tensors": (X, Y),
    "arrays": (X.numpy(), Y.numpy()),
    "TensorDataset": TensorDataset(X, Y),
    "items": Items(),
    "chunks": Chunks(),
    "a subset": Subset(Items(), range(N)),
    "a loader": DataLoader(TensorDataset(X, Y), batch_size=7),
    "a loader with a worker": DataLoader(TensorDataset(X, Y), batch_size=7, num_workers=1),
    "a loader of one example at a time": DataLoader(Items(), batch_size=None),
    "a loader of a stream": DataLoader(Stream(), batch_size=7),
    "a loader of arrays": DataLoader(Items(), batch_size=9, collate_fn=lambda items: (np.stack([x for x, _ in items]), np.array([y for _, y in items]))),
    "a loader of lists": DataLoader(TensorDataset(X, Y), batch_size=7, collate_fn=lambda items: [torch.stack(part) for part in zip(*items, strict=True)]),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_every_kind_of_data_is_read_to_the_bits_of_its_tensors(case, monkeypatch):
    monkeypatch.setattr(reading, "CHUNK", 11)
    inputs, labels, notes = read_examples("train", WHOLE[case])
    assert torch.equal(inputs, X)
    assert torch.equal(labels, Y)
    assert notes == []


@pytest.mark.parametrize("kind", [Items, Chunks])
def test_every_item_is_read_once(kind):
    items = kind()
    read_examples("train", items)
    read_examples("train", DataLoader(items, batch_size=7) if kind is Items else items)
    assert (items.calls == 2).all()


def test_rows_are_spread_evenly_over_all_and_are_all_where_there_is_no_bound():
    assert spread(10, 4).tolist() == [0, 2, 5, 7]
    for bound in (None, 10, 11):
        assert spread(10, bound).tolist() == list(range(10))
    for examples, most in itertools.product((1, 7, 100), (1, 3, 99)):
        rows = spread(examples, most)
        assert len(rows.unique()) == len(rows) == min(examples, most)
        assert int(rows.max()) < examples


@pytest.mark.parametrize("case", ["tensors", "TensorDataset", "items", "chunks"])
def test_a_bound_on_the_examples_spreads_them_over_what_can_be_read_anywhere(case):
    inputs, labels, notes = read_examples("train", WHOLE[case], 10)
    rows = spread(N, 10)
    assert torch.equal(inputs, X[rows])
    assert torch.equal(labels, Y[rows])
    assert notes == [f"`train`: 10 of {N} examples were read, spread evenly (max_examples)."]


@pytest.mark.parametrize("rows", [lambda: range(N), itertools.count], ids=["an end", "no end"])
@pytest.mark.parametrize("most", [10, 14])
def test_of_a_loader_a_bound_takes_the_first_examples_and_reads_no_further(rows, most):
    read = []

    def collate(items: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
        read.append(len(items))
        return torch.stack([x for x, _ in items]), torch.tensor([y for _, y in items])

    inputs, labels, notes = read_examples("train", DataLoader(Stream(rows()), batch_size=7, collate_fn=collate), most)
    assert torch.equal(inputs, X[:most])
    assert torch.equal(labels, Y[:most])
    assert notes == [f"`train`: the first {most} examples of the DataLoader were read (max_examples)."]
    assert sum(read) <= most + 7


def test_a_loader_that_leaves_examples_out_is_noted():
    loader = DataLoader(TensorDataset(X, Y), batch_size=7, drop_last=True)
    assert read_examples("train", loader)[2] == [
        "`train`: 42 of 48 examples were read, as its DataLoader gives them (drop_last, or a sampler)."
    ]
    assert read_examples("train", DataLoader(Stream(), batch_size=7), N)[2] == []


class Endless(Sampler):
    """Batches of three examples again and again."""

    def __iter__(self) -> object:
        return itertools.repeat([0, 1, 2])


ENDLESS: dict[str, object] = {
    "a stream": lambda: DataLoader(Stream(itertools.count()), batch_size=7),
    "a sampler of batches": lambda: DataLoader(TensorDataset(X, Y), batch_sampler=Endless()),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_a_loader_without_an_end_needs_a_bound(case, monkeypatch):
    monkeypatch.setattr(reading, "MOST_UNCOUNTED", 20)
    message = "`train` has more than 20 examples, or no end, and no length: pass `max_examples`, the most that are read."
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        read_examples("train", ENDLESS[case]())


def ragged(k: int, item: tuple[Tensor, int]) -> tuple[Tensor, int]:
    return item[0][: 8 - (k == 9)], item[1]


def failing(k: int, item: object) -> object:
    raise OSError("no such image")


PAIR = "`train` must be a pair (inputs, labels) of tensors, a map-style dataset or a DataLoader, got"
ITEMS = "`train` must have items (input, label), inputs of one shape that are tensors or arrays, labels that are numbers"
BATCHES = "`train` must give batches (inputs, labels) of tensors when its DataLoader is iterated"
REFUSED: dict[str, tuple[object, str]] = {
    "one tensor": (X, f"{PAIR} Tensor."),
    "a list of batches": ([(X, Y)] * 3, f"{PAIR} list."),
    "a stream": (Stream(), f"{PAIR} Stream; pass DataLoader(train, batch_size=...)."),
    "words": ((np.array(["a", "b"]), np.array([0, 1])), "`train` must have inputs that are numbers, got an array of <U1."),
    "items of several shapes": (Items(ragged), f"{ITEMS}; reading the Items raised RuntimeError."),
    "items that cannot be read": (Items(failing), f"{ITEMS}; reading the Items raised OSError."),
    "items that are dicts": (
        Items(lambda k, item: {"x": item[0], "y": item[1]}),
        f"{ITEMS}; those of the Items are dicts of 'x', 'y': pass a DataLoader with a `collate_fn` that returns the pair.",
    ),
    "batches that are dicts": (
        DataLoader(Items(lambda k, item: {"x": item[0], "y": item[1]}), batch_size=5),
        f"{BATCHES}, got dicts of 'x', 'y'; give it a `collate_fn` that returns the pair.",
    ),
    "batches of inputs alone": (DataLoader(TensorDataset(X), batch_size=5), f"{BATCHES}, got a list of 1; give it a `collate_fn` that returns the pair."),
    "batches of one tensor": (DataLoader(X, batch_size=5), f"{BATCHES}, got a Tensor; give it a `collate_fn` that returns the pair."),
    "pairs with a dict": (
        DataLoader(Items(lambda k, item: ({"x": item[0]}, item[1])), batch_size=5),
        f"{BATCHES}, got a pair that holds a dict; give it a `collate_fn` that returns the pair.",
    ),
    "more inputs than labels": (
        DataLoader(TensorDataset(X, Y), batch_size=5, collate_fn=lambda items: (X[:5], Y[:4])),
        f"{BATCHES}, one label per input, got inputs (5, 8) and labels (4,).",
    ),
    "a batch of several shapes": (
        DataLoader(Items(ragged), batch_size=5), "`train` cannot be read: iterating its DataLoader raised RuntimeError: its items have several shapes."
    ),
    "batches of several shapes": (
        DataLoader(Items(ragged), batch_size=1),
        "`train` must have inputs of one shape, got (8,) in batch 0 and (7,) in batch 9: pad all examples to one length, with labels of -100 where "
        "there is nothing to predict.",
    ),
    "a loader that cannot be read": (DataLoader(Items(failing)), "`train` cannot be read: iterating its DataLoader raised OSError."),
    "an empty loader": (
        DataLoader(TensorDataset(X[:3], Y[:3]), batch_size=5, drop_last=True),
        "`train` has no examples: its DataLoader gives no batch (with drop_last=True, none that is not full).",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_sentence(case):
    data, message = REFUSED[case]
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        read_examples("train", data)
