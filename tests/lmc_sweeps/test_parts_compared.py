"""`compare` and ``lmc-sweeps-compare`` on networks of models of a user's own: what they measure, and that their advice is true."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from parts_folders import HEAD, added, write_parts
from safetensors.torch import save_file

from lmc_sweeps import compare, models
from lmc_sweeps.commands import compare as compare_cli
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.models.base import Shape
from multirun_analysis.common.registry import PARTS, extend_packages

PARTS_OF_EXAMPLES = Path(__file__).parents[2] / "examples/own_parts/parts"
DATA = torch.randn(20, 5, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 3
BLOCKS = f"""{HEAD}from torch import nn
from lmc_sweeps.models.mlp import Mlp
class Wrapped(nn.Module):
    def __init__(self, chain):
        super().__init__()
        self.chain = chain
    def forward(self, inputs):
        return self.chain(inputs)
@dataclass(frozen=True, kw_only=True)
class Small(Mlp):
    name: ClassVar[str] = "small"
    size: int = 3
"""


def test_networks_of_a_residual_model_are_traced_and_their_files_are_sent_to_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with added(PARTS_OF_EXAMPLES):
        model = models.choices()["residual"]()
        architecture = model.architecture(Shape((5,), 8, 1, 3))
        a, b = (architecture.module(model.initial(Shape((5,), 8, 1, 3), generator(k, "test"))) for k in (0, 1))
        result = compare(a, b, train=DATA, test=DATA, points=3)
        for method in ("weights", "covariance", "activations"):
            assert sorted(map(len, result.permutations[method].values())) == [8, 8]  # the stream, and inside the block
        with pytest.raises(InputError, match="'block_1_out' is summed over its first axis"):
            compare(a, b, train=DATA, test=DATA, permutation_spec=architecture.spec)
    for name, network in (("a", a), ("b", b)):
        save_file({key: tensor.detach().contiguous() for key, tensor in network.state_dict().items()}, tmp_path / name)
    monkeypatch.setenv(PARTS, str(PARTS_OF_EXAMPLES))
    with pytest.raises(SystemExit) as end:
        compare_cli.main([str(tmp_path / "a"), str(tmp_path / "b"), "model=residual"])
    monkeypatch.setenv(PARTS, "")
    extend_packages()
    assert str(end.value.code) == (
        "`model` must be one whose networks are chains of layers (a FeedForward), got 'residual', whose networks are each a ResidualNetwork: "
        "a sweep measures these, python -m lmc_sweeps model=residual."
    )
    assert "Traceback" not in capsys.readouterr().err


def test_a_network_of_a_users_model_is_traced_as_its_specification_says(tmp_path: Path) -> None:
    with added(write_parts(tmp_path, {"models/small.py": BLOCKS})):
        model = models.choices()["small"]()
        wrapped = sys.modules[type(model).__module__].Wrapped
        architecture = model.architecture(Shape((5,), 6, 1, 3))
        a, b = (wrapped(architecture.module(model.initial(Shape((5,), 6, 1, 3), generator(k, "test")))) for k in (0, 1))
        traced = compare(a, b, train=DATA, test=DATA, matching=["weights"], points=3)
        spec = {f"chain.{name}": axes for name, axes in architecture.spec.axes.items()}
        result = compare(a, b, train=DATA, test=DATA, permutation_spec=spec, matching=["weights"], points=3)
    assert list(result.permutations["weights"]) == ["hidden_1"]
    assert list(traced.permutations["weights"]) == ["chain.hidden_1"]
    np.testing.assert_array_equal(traced.permutations["weights"]["chain.hidden_1"], result.permutations["weights"]["hidden_1"])
