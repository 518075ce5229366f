"""What ``lmc-sweeps-compare`` writes: beside its place and renamed, so that nobody meets half a file and no link is written into."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from lmc_sweeps.commands.compare import _write
from lmc_sweeps.compare import Comparison


def comparison(value: float) -> Comparison:
    frame = pd.DataFrame({"value": [value]})
    permutations, aligned = {"weights": {"0": np.array([1, 0])}}, {"weights": {"0.weight": torch.full((2, 2), value)}}
    return Comparison(runs=frame, curves=frame, layers=frame, maps={}, permutations=permutations, aligned=aligned, searches=frame, notes=())


def test_a_link_or_an_earlier_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    names = ["aligned_weights.safetensors", "curves.csv", "layers.csv", "permutations.npz", "runs.csv"]
    (tmp_path / "out").mkdir()
    for name in names:
        (tmp_path / f"other_{name}").write_text("another's")
        (tmp_path / "out" / name).symlink_to(tmp_path / f"other_{name}")
    _write(comparison(2.0), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert {(tmp_path / f"other_{name}").read_text() for name in names} == {"another's"}
    np.testing.assert_array_equal(np.load(tmp_path / "out/permutations.npz")["weights/0"], [1, 0])
    assert load_file(tmp_path / "out/aligned_weights.safetensors")["0.weight"].tolist() == [[2.0, 2.0], [2.0, 2.0]]


@pytest.mark.parametrize("target", ["numpy.savez_compressed", "lmc_sweeps.commands.compare.save_file"])
def test_a_write_that_fails_leaves_the_earlier_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    _write(comparison(2.0), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def half(*arguments: object, **keywords: object) -> None:
        next(Path(word) for word in arguments if isinstance(word, Path)).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target, half)
    with pytest.raises(OSError, match="No space left"):
        _write(comparison(2.0), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
