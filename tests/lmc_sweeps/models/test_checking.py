"""A user's model is tried before the first job: networks that could not be trained or matched are refused in a sentence."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from parts_folders import HEAD, added, write_parts
from small_jobs import digits, small_settings

from lmc_sweeps import models
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.measuring.moments import network_moments
from lmc_sweeps.measuring.problems import matching_problem
from lmc_sweeps.models.base import Model, Shape, stacked
from lmc_sweeps.models.checking import check_batches, check_model, check_takes
from lmc_sweeps.models.cnn import Cnn
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.resnet import Resnet

MODEL = f"""{HEAD}import torch
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.resnet import Resnet
class Network(FeedForward):
    def sources(self, group):
        return super().sources(group)
    def activations(self, stack, inputs):
        return super().activations(stack, inputs)
    def forward(self, stack, inputs):
        return super().forward(stack, inputs)
class Unfinished(Architecture):
    pass
@dataclass(frozen=True, kw_only=True)
class Small(Mlp):
    name: ClassVar[str] = "small"
    size: int = 3
    def architecture(self, shape):
        chain = super().architecture(shape)
        return Network(chain.layers, n_outputs=shape.classes)
    def initial(self, shape, rng):
        return super().initial(shape, rng)
"""
SHAPE = Shape((5,), 4, 2, 3)


@pytest.fixture
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Model]:
    """Yield a user's model whose file has a line in place of another."""
    line, wrong = request.param
    assert MODEL.count(line) == 1
    with added(write_parts(tmp_path, {"models/small.py": MODEL.replace(line, wrong)})):
        yield models.choices()["small"]()


MISTAKES = {
    "float64": (
        "return super().initial(shape, rng)", "return {k: v.double() for k, v in super().initial(shape, rng).items()}",
        r"model=small: `initial` must return tensors in float32, got float64 for 'hidden_1.weight'; write `.float\(\)`\.$",
    ),
    "one integer": (
        "return super().initial(shape, rng)", "return super().initial(shape, rng) | {'output.bias': torch.zeros(3, dtype=int)}",
        r"model=small: `initial` must return tensors in float32, got int64 for 'output.bias'",
    ),
    "not finite": (
        "return super().initial(shape, rng)", "return super().initial(shape, rng) | {'output.bias': torch.full((3,), torch.nan)}",
        r"model=small: `initial` must return finite numbers, got others in 'output.bias'\.$",
    ),
    "no mapping": ("return super().initial(shape, rng)", "return None", r"`initial` must return a mapping of names to tensors, got NoneType\.$"),
    "a parameter too few": (
        "return super().initial(shape, rng)", "return {'output.bias': torch.zeros(3)}",
        r"model=small: the permutation specification names 'hidden_1.weight', which the network lacks",
    ),
    "a source too many": (
        "return super().sources(group)", "return ('input', 'input')",
        r"model=small: `sources` of a Network must have one entry for each parameter that leads to a group: for 'hidden_1' these are 1 "
        r"\(hidden_1\.weight\), got 2 \(input, input\)\.$",
    ),
    "no source": ("return super().sources(group)", "return ()", r"for 'hidden_1' these are 1 \(hidden_1\.weight\), got 0 \(\)\.$"),
    "a source of another width": (
        "return super().sources(group)", "return ('hidden_1',)",
        r"model=small: `sources` of 'hidden_1' names 'hidden_1' for 'hidden_1.weight', whose second axis must then have 4 entries, got 5\.$",
    ),
    "a group without activations": (
        "return super().activations(stack, inputs)", "return {'hidden_1': super().activations(stack, inputs)['hidden_1']}",
        r"model=small: `activations` must have every group and every source \(hidden_1, hidden_2, input\); it lacks hidden_2, input, and has hidden_1\.$",
    ),
    "activations of another shape": (
        "return super().activations(stack, inputs)", "return {k: v[0] for k, v in super().activations(stack, inputs).items()}",
        r"model=small: `activations` must have, for 'hidden_1', a tensor of shape \(1, 2, 4\) for 1 network and 2 examples, got \(2, 4\)\.$",
    ),
    "logits of another shape": (
        "return super().forward(stack, inputs)", "return super().forward(stack, inputs)[0]",
        r"model=small: `forward` must return logits of shape \(1, 2, 3\) for 1 network and 2 examples, got \(2, 3\)\.$",
    ),
    "an error": (
        "return super().forward(stack, inputs)", "return stack['nothing']",
        r"model=small: `forward` fails for 5 inputs, width 4, depth 2 and 3 classes: .*/models/small\.py, line \d+, \"return stack\['nothing'\]\": "
        r"KeyError: 'nothing'\.$",
    ),
    "an abstract architecture": (
        "return Network(chain.layers, n_outputs=shape.classes)", "return Unfinished()",
        r"model=small: `architecture` fails for .*: TypeError: Can't instantiate abstract class Unfinished with.* abstract methods '?activations'?, '?forward",
    ),
    "no architecture": ("return Network(chain.layers, n_outputs=shape.classes)", "return chain.spec", r"`architecture` must return an Architecture, got PermutationSpec\.$"),
}  # fmt: skip


@pytest.mark.parametrize(("small", "sentence"), [(case[:2], case[2]) for case in MISTAKES.values()], ids=list(MISTAKES), indirect=["small"])
def test_a_model_that_could_not_be_trained_or_matched_is_refused_in_a_sentence(small: Model, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as error:
        check_model(small, SHAPE, sees_activations=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("small", [("return super().activations(stack, inputs)", "raise NotImplementedError")], indirect=True)
def test_activations_that_no_method_looks_at_are_not_tried(small: Model) -> None:
    check_model(small, SHAPE, sees_activations=False)
    small_settings(model=small).check_against(digits())
    with pytest.raises(InputError, match="model=small: `activations` fails for 64 inputs"):
        small_settings(model=small, matching=(Activations(),)).check_against(digits())


@pytest.mark.parametrize("small", [("size: int = 3", "size: int = 4")], indirect=True)
def test_a_model_that_does_as_it_should_passes(small: Model) -> None:
    check_model(small, SHAPE, sees_activations=True)


class Reading(Mlp):
    name = "reading"
    takes = ("tokens",)


@pytest.mark.parametrize(
    ("model", "kind", "sentence"),
    [
        (Mlp(), "tokens", "`model.name` must be one of reading for the tokens of dataset=own, got 'mlp'."),
        (Reading(), "images", "`model.name` must be one of mlp for the images of dataset=own, got 'reading'."),
        (Reading(), "vectors", "`model.name` must be one of mlp for the vectors of dataset=own, got 'reading'."),
    ],
)
def test_a_model_is_refused_data_that_it_does_not_take_and_those_that_do_are_named(model: Model, kind: str, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        check_takes(model, kind, "own", {"mlp": Mlp, "reading": Reading})
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("model", "pixels", "is_refused"),
    [(Resnet(blocks=1), 4, True), (Resnet(blocks=1), 5, False), (Resnet(blocks=1, norm="layer"), 4, False), (Cnn(), 4, False)],
)
def test_a_batch_of_one_example_is_refused_where_a_batch_norm_sees_one_value_of_each_channel(model, pixels, is_refused):
    """As PyTorch refuses it when it comes to that batch."""
    shape = Shape((1, pixels, pixels), 4, 1, 3)
    inputs = torch.randn(1, 1, 1, pixels, pixels)
    for examples, batch_size in ((9, 4), (8, 1), (1, 1)):
        if is_refused:
            with pytest.raises(ValueError, match="more than 1 value per channel"):
                model.architecture(shape).training_forward(stacked([model.initial(shape, np.random.default_rng(0))]), inputs)
            with pytest.raises(
                InputError, match=rf"^`training\.batch_size` must leave .* {examples} training .* of {batch_size} leave one\.$"
            ):
                check_batches(model, shape, examples, batch_size, "images")
        else:
            model.architecture(shape).training_forward(stacked([model.initial(shape, np.random.default_rng(0))]), inputs)
            check_batches(model, shape, examples, batch_size, "images")
    check_batches(model, shape, 10, 4, "images")


def test_data_that_no_model_takes_are_refused_and_others_are_not() -> None:
    with pytest.raises(InputError, match=r"^`dataset` own gives tokens, which no model here takes\.$"):
        check_takes(Mlp(), "tokens", "own", {"mlp": Mlp})
    for model, kind in ((Mlp(), "vectors"), (Mlp(), "images"), (Reading(), "tokens")):
        check_takes(model, kind, "own", {})


TOKENS_MODEL = f"""{HEAD}import torch
from torch import nn
from lmc_sweeps.models.base import Model
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.tracing import trace
@dataclass(frozen=True, kw_only=True)
class Small(Model):
    name: ClassVar[str] = "small"
    takes: ClassVar[tuple[str, ...]] = ("tokens",)
    size: int = 3
    def module(self, shape):
        return nn.Sequential(nn.Embedding(shape.classes, shape.width), nn.ReLU(), nn.Linear(shape.width, shape.classes))
    def architecture(self, shape):
        module = self.module(shape)
        return TorchModule(module, trace(module, torch.zeros(2, *shape.inputs, dtype=torch.int64)))
    def initial(self, shape, rng):
        return {{name: tensor.detach().clone() for name, tensor in self.module(shape).state_dict().items()}}
"""


def test_a_model_of_tokens_is_tried_on_tokens_and_gives_logits_for_each(tmp_path: Path) -> None:
    shape = Shape((5,), 4, 1, 7)
    with added(write_parts(tmp_path, {"models/small.py": TOKENS_MODEL, "conf/model/small.yaml": "name: small\nsize: 3\n"})):
        check_model(models.choices()["small"](), shape, sees_activations=True, kind="tokens")
    wrong = TOKENS_MODEL.replace("nn.Linear(shape.width, shape.classes)", "nn.Flatten(), nn.Linear(5 * shape.width, shape.classes)")
    (tmp_path / "other").mkdir()
    with (
        added(write_parts(tmp_path / "other", {"models/small.py": wrong, "conf/model/small.yaml": "name: small\nsize: 3\n"})),
        pytest.raises(InputError, match=r"`forward` must return logits of shape \(1, 2, 5, 7\) .* got \(1, 2, 7\)"),
    ):
        check_model(models.choices()["small"](), shape, sees_activations=True, kind="tokens")


def test_sources_and_groups_are_looked_at_whoever_made_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture, rng = Mlp().architecture(Shape((5,), 4, 1, 3)), np.random.default_rng(0)
    a, b = (Mlp().initial(Shape((5,), 4, 1, 3), rng) for _ in range(2))
    monkeypatch.setattr(architecture, "sources", lambda group: ())
    with pytest.raises(InputError, match=r"`sources` of a FeedForward must have .* these are 1 \(hidden_1\.weight\), got 0"):
        matching_problem(architecture, [a, b], None, ("weights",))
    monkeypatch.setattr(architecture, "activations", lambda stack, inputs: {"input": inputs.expand(2, *inputs.shape)})
    with pytest.raises(
        InputError, match=r"^`activations` of a FeedForward must have every group, hidden_1; it lacks hidden_1, and has input\.$"
    ):
        network_moments(architecture, [a, b], torch.zeros(3, 5))
