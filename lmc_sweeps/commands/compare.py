"""``lmc-sweeps-compare a.safetensors b.safetensors [overrides]``: two checkpoint files, matched and measured without a sweep."""

import argparse
import math
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from safetensors.torch import save_file
from torch import Tensor, nn

from lmc_sweeps import models
from lmc_sweeps.common import checks
from lmc_sweeps.compare import Comparison, compare
from lmc_sweeps.datasets.base import Data
from lmc_sweeps.datasets.pickled import shown
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.models.base import Architecture, Model, Shape
from lmc_sweeps.models.checking import check_takes
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.own_networks.files import NetworkFile, read_network_file
from lmc_sweeps.own_networks.layers import Chain, chain
from lmc_sweeps.own_networks.weights import weights_of
from lmc_sweeps.parts import check_parts
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.config import job_settings, load_data
from lmc_sweeps.sweeps.overrides import check_overrides, plain_folder, quoted
from multirun_analysis.common.leaving import run_and_leave
from multirun_analysis.common.media import for_terminal
from multirun_analysis.common.registry import conf_folders
from multirun_analysis.common.streams import command_streams
from multirun_analysis.output.files import write_by, write_csv

SHOWN = ["matching", "split", "loss_a", "loss_b", "error_a", "error_b", "loss_barrier", "loss_barrier_t", "error_barrier", "function_gap"]
HARDLY = 0.9  # of the error of a constant guess: a network above that has learned next to nothing, or was put together wrongly


@command_streams()
def main(arguments: list[str] | None = None) -> None:
    """Read two networks, compare them, print the table and, with ``--out``, write everything down."""
    options = _parser().parse_intermixed_args(arguments)
    try:
        check_parts()
        settings = _settings(options.overrides)
        layers = None if options.layers is None else [name.strip() for name in options.layers.split(",")]
        out = None if options.out is None else checks.user_path("--out", options.out)
        files = [read_network_file(path) for path in (options.network_a, options.network_b)]
        data, _ = load_data(settings.dataset)
        a, b = (_module(file, settings, data, layers) for file in files)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)  # before any compute
        result = compare(
            a,
            b,
            train=(data.train.inputs, data.train.labels),
            test=(data.test.inputs, data.test.labels),
            matching=[method.name for method in settings.matching],
            repair=[repair.name for repair in settings.repair],
            settings={part.name: part.settings() for part in (*settings.matching, *settings.repair)},
            points=settings.points,
            seed=settings.seed,
            device=settings.device,
            train_examples=None,
        )
    except (checks.InputError, HydraException, OSError) as error:
        sys.exit(for_terminal(error, keep="\n"))
    print(for_terminal(result.to_frame()[SHOWN].to_string(index=False, float_format="{:.4g}".format), keep="\n"))
    for note in (*result.notes, *guesses(result.runs, data.test.labels, data.n_classes)):
        print(for_terminal(f"note: {note}"))
    if out is not None:
        _write(result, out)
        print(for_terminal(f"written to {out}"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lmc-sweeps-compare",
        description="Match two networks by optimal transport and measure the barriers between them.",
        epilog="Overrides are those of lmc_sweeps, e.g. dataset=mnist dataset.root=DIR model.activation=tanh matching=[weights] points=51.",
    )
    parser.add_argument(
        "network_a", type=Path, help="file of network A, which stays as it is: safetensors, or a PyTorch state dict or checkpoint"
    )
    parser.add_argument("network_b", type=Path, help="file of network B, which is permuted")
    parser.add_argument("overrides", nargs="*", help="dataset=..., model=..., matching=..., repair=..., points=..., device=..., seed=...")
    parser.add_argument(
        "--layers", metavar="NAME,NAME,...", help="the layers of both files from input to output, where names and shapes do not tell"
    )
    parser.add_argument("--out", type=Path, help="folder for runs.csv, curves.csv, layers.csv, permutations.npz and the permuted networks")
    return parser


def _settings(overrides: list[str]) -> JobSettings:
    """Return the settings of overrides, those that mean nothing here refused."""
    overrides = [plain_folder(text) for text in overrides]
    folders = conf_folders()
    check_overrides(overrides, [conf_dir(), *folders])
    if folders:
        overrides.append(f"hydra.searchpath=[{','.join(quoted(f'file://{folder}') for folder in folders)}]")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        settings = job_settings(compose("config", overrides))
    if settings.plane:
        raise checks.InputError("`plane` is for the jobs of lmc_sweeps; here no plane is measured.")
    for key, parts in (("matching", settings.matching), ("repair", settings.repair)):
        if len({part.name for part in parts}) < len(parts):
            raise checks.InputError(f"`{key}` must name each of its options once here; compare one setting after the other.")
    return settings


def _module(file: NetworkFile, settings: JobSettings, data: Data, requested: list[str] | None) -> nn.Module:
    """Return a network's file as a module of the requested model; width, depth and order of layers are those of the file."""
    _check_chain(settings.model, settings.dataset.name, data)
    depth = len(weights_of(file, requested)[0]) - 1
    # Only a mean-field network's mathematics depend on the width, and those have one hidden layer.
    own = _layers(settings.model.architecture(Shape(data.inputs, 1, depth, data.n_classes)))
    chained = chain(file, (data.n_inputs, data.n_classes), f"dataset={settings.dataset.name}", list(own), requested)
    shape = Shape(data.inputs, len(chained.layers[0].tensor), depth, data.n_classes)
    try:
        settings.model.check_shape(shape)
    except checks.InputError as error:
        raise checks.InputError(f"{str(file.path)!r} does not fit the model: {error}") from error
    architecture = settings.model.architecture(shape)
    parameters = _parameters(file, chained, own, architecture)
    _print_reading(file, chained, own)
    return architecture.module(parameters)


def _check_chain(model: Model, dataset: str, data: Data) -> None:
    """Raise `InputError` if the networks of a model do not take the data, or are no chains of layers, all that a file is read as."""
    check_takes(model, data.kind, dataset, models.choices())
    network = model.architecture(Shape(data.inputs, 1, 1, data.n_classes))
    if not isinstance(network, FeedForward):
        raise checks.InputError(
            f"`model` must be one whose networks are chains of layers (a FeedForward), got {model.name!r}, whose networks are each a "
            f"{type(network).__name__}: a sweep measures these, python -m lmc_sweeps model={model.name}."
        )


def _parameters(file: NetworkFile, chained: Chain, own: Mapping[str, bool], architecture: Architecture) -> dict[str, Tensor]:
    """Return the tensors of a file's layers under the names of the model's."""
    parameters: dict[str, Tensor] = {}
    for (name, has_bias), layer in zip(own.items(), chained.layers, strict=True):
        if has_bias != (layer.bias is not None):
            held, needed = ("no bias", "one") if has_bias else ("a bias", "none")
            raise checks.InputError(
                f"{str(file.path)!r} has {held} in the layer {shown(layer.layer, 100)}; "
                f"the model needs {', '.join(architecture.spec.axes)}, with {needed} in {name}. Check model.bias."
            )
        parameters |= {f"{name}.weight": layer.tensor} | ({} if layer.bias is None else {f"{name}.bias": layer.bias})
    return parameters


def _print_reading(file: NetworkFile, chained: Chain, own: Mapping[str, bool]) -> None:
    """Print which tensor was read as which, where names differ, and the notes on a file."""
    both = [((part.name, f"{name}.weight"), (part.bias_name, f"{name}.bias")) for name, part in zip(own, chained.layers, strict=True)]
    names = [(in_file, in_model) for pair in both for in_file, in_model in pair if in_file is not None]
    if any(in_file != in_model for in_file, in_model in names):
        print(f"{shown(file.path)}: {', '.join(f'{shown(in_file, 100)} as {in_model}' for in_file, in_model in names)}")
    for note in (*file.notes, *chained.notes):
        print(f"note: {shown(file.path)}: {for_terminal(note)}.")


def _layers(architecture: Architecture) -> dict[str, bool]:
    """Return the layers of a network in their order, and whether they have a bias."""
    names = list(architecture.spec.axes)
    return {name.removesuffix(".weight"): f"{name.removesuffix('.weight')}.bias" in names for name in names if name.endswith(".weight")}


def guesses(runs: pd.DataFrame, labels: Tensor, n_classes: int) -> list[str]:
    """Return a note for each network that is hardly better than a guess on the test split, by its error or its loss."""
    chance = 1 - float(labels.bincount().max()) / len(labels)
    endpoints = runs[(runs["matching"] == "identity") & (runs["split"] == "test")].iloc[0]
    notes = []
    for name in ("a", "b"):
        error, loss = float(endpoints[f"error_{name}"]), float(endpoints[f"loss_{name}"])
        if error >= HARDLY * chance or (error >= chance / 2 and loss >= math.log(n_classes)):
            notes.append(
                f"network {name.upper()} is hardly better than a guess: it is wrong on {error:.1%} of the test examples, and always naming "
                f"the most frequent class is wrong on {chance:.1%}. Are the layers in their order (--layers), are dataset and "
                "model.activation those of its training, and were its inputs prepared in the same way (dataset.normalise)?"
            )
    return notes


def _write(result: Comparison, folder: Path) -> None:
    for name, frame in (("runs", result.to_frame()), ("curves", result.curves), ("layers", result.layers)):
        write_csv(frame, folder / f"{name}.csv")
    flat = {f"{method}/{group}": permutation for method, groups in result.permutations.items() for group, permutation in groups.items()}
    write_by(folder / "permutations.npz", lambda path: np.savez_compressed(path, **flat))  # type: ignore[arg-type]  # names are keywords
    for kind, states in (("aligned", result.aligned), ("start", result.starts)):
        for method, parameters in states.items():
            tensors = {name: tensor.cpu().contiguous() for name, tensor in parameters.items()}
            write_by(folder / f"{kind}_{method}.safetensors", partial(save_file, tensors))


command = partial(run_and_leave, main)

if __name__ == "__main__":
    command()
