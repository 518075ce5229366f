"""Residual streams: found where they are, refused where a fold could not pass."""

import pytest
import torch
from torch import nn
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.folding import untied
from lmc_sweeps.symmetry.streams import Reader, streams

WRITERS = ["token", "places", "patches", "attention.out", "mlp.2"]


@pytest.mark.parametrize("kind", ["separate", "chunked", "unbound"])
def test_the_stream_of_a_vision_transformer_has_every_tensor_of_its_group_as_writer_reader_or_part_of_a_norm(kind: str) -> None:
    network, graph = NETWORKS[f"vit {kind}"], graph_of(f"vit {kind}")
    (stream,) = streams(network.make(), network.example())
    assert stream.group == "patches"
    assert [norm.module for norm in stream.norms] == ["blocks.0.norm1", "blocks.0.norm2", "blocks.1.norm1", "blocks.1.norm2", "norm"]
    readers = [reader.weight for norm in stream.norms for reader in norm.readers]
    parameters = [name for norm in stream.norms for name in (norm.scale, norm.shift)]
    members = {name: axis.reads for name, axes in graph.axes.items() for axis in axes if stream.group in axis.groups}
    assert {name for name, reads in members.items() if reads} == set(readers)
    assert {name for name, reads in members.items() if not reads} == {*stream.writers, *parameters}
    assert all(any(part in name for part in WRITERS) for name in stream.writers)
    assert stream.norms[4].readers == (Reader("head.weight", "head.bias"),)
    assert len(stream.norms[0].readers) == (3 if kind == "separate" else 1)


def test_embeddings_write_and_an_untied_last_layer_reads() -> None:
    (stream,) = streams(untied(NETWORKS["gpt"].make()), NETWORKS["gpt"].example())
    assert {"words.weight", "places.weight"} < set(stream.writers)
    assert stream.norms[-1].readers == (Reader("head.weight", None),)


class Body(nn.Module):
    """A stream of 8 neurons with one norm; `how` says what is done with it."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.embed, self.norm, self.inner, self.head = nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.gain, self.rms = nn.Parameter(torch.ones(8)), nn.RMSNorm(8)
        self.other, self.images = nn.Linear(8, 3), nn.Conv1d(8, 3, 1)
        self.register_buffer("constant", torch.arange(8.0), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        match self.how:
            case "gain":
                return self.head(self.norm(x * self.gain))
            case "number":
                return self.head(self.norm(x + 1.0))
            case "constant":
                return self.head(self.norm(x + self.constant))
            case "cast":
                return self.head(self.norm((x + self.gain).to(torch.float32)).to(x.dtype))
            case "mean":
                return self.head(self.norm(x - x.mean(-1, keepdim=True)))
            case "post-norm":
                return self.head(self.norm(self.norm(x) + self.inner(x)))
            case "read without":
                return self.head(self.norm(x)) + self.other(x)
            case "two kinds":
                return self.head(self.norm(x)) + self.other(self.rms(x))
            case "one reader":
                return self.head(self.norm(x)) + self.head(self.rms(x))
            case "convolution":
                return self.images(self.norm(x).unsqueeze(-1))
            case "computed scale":
                return self.head(nn.functional.layer_norm(x, (8,), self.gain.exp()))
            case "used elsewhere":
                return self.head(self.norm(x)) + self.head.weight.sum()
            case "halves":
                return self.head(self.norm(torch.cat([x[:, :4], x[:, 4:]], 1)))
            case "nonlinear":
                return self.head(torch.relu(self.norm(x)))
        raise AssertionError(self.how)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("gain", r"^a residual stream must be a sum of what layers and parameters write, and mul is on it\.$"),
        ("constant", r"must be a sum of what layers and parameters write, and b_constant is on it\.$"),
        ("number", r"must be a sum of what layers and parameters write, and add is on it\.$"),
        ("mean", r"must be a sum of what layers and parameters write, and sub is on it\.$"),
        ("post-norm", r"parameters write, and layer_norm of norm is on it\.$"),
        ("read without", r"whose norms take off its mean must be read by these alone, but other\.weight reads it too\.$"),
        ("two kinds", r"whose norms take off its mean must be read by these alone, but rms reads it too\.$"),
        (
            "one reader",
            r"^head\.weight, which is read behind norm and is read behind rms: give each use a tensor of its own \(tied ones: `unt",
        ),
        ("convolution", r"norms by linear layers, but conv1d of images takes unsqueeze\.$"),
        ("computed scale", r"must be over one axis, with parameters for scale and shift, unlike layer_norm\.$"),
        ("used elsewhere", r"^head\.weight, which is read behind norm and is taken by sum: give each use"),
        ("halves", r"^the neurons of a residual stream must be one axis of each of head\.weight, embed\.weight, "),
        ("nonlinear", r"norms by linear layers, but relu takes layer_norm of norm\.$"),
    ],
)
def test_what_a_fold_could_not_pass_is_refused_in_a_sentence(how: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        streams(Body(how), torch.randn(2, 4))


def test_a_cast_changes_no_stream() -> None:
    (stream,) = streams(Body("cast"), torch.randn(2, 4))
    assert set(stream.writers) == {"embed.weight", "embed.bias", "gain"}
    assert stream.norms[0].readers == (Reader("head.weight", "head.bias"),)


@pytest.mark.parametrize("name", ["encoder post-norm", "encoder pre-norm", "decoder"])
def test_layers_of_torch_that_normalise_behind_or_are_read_without_a_last_norm_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^a residual stream must be "):
        streams(NETWORKS[name].make(), NETWORKS[name].example())


def test_convolutional_networks_and_perceptrons_have_none() -> None:
    assert streams(NETWORKS["mlp"].make(), NETWORKS["mlp"].example()) == ()
    assert streams(NETWORKS["resnet20 layer"].make(), NETWORKS["resnet20 layer"].example()) == ()
