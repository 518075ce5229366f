"""``lmc-sweeps-compare a.safetensors b.safetensors [overrides]``: two checkpoint files, matched and measured without a sweep."""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from safetensors.torch import save_file
from torch import Tensor, nn

from lmc_sweeps import checks
from lmc_sweeps.checkpoints import read_parameters
from lmc_sweeps.compare import Comparison, compare
from lmc_sweeps.config import conf_dir, job_settings, load_data
from lmc_sweeps.datasets.base import Data
from lmc_sweeps.overrides import check_overrides, plain_folder
from lmc_sweeps.settings import JobSettings
from multirun_analysis.outputs import write_csv
from multirun_analysis.streams import command_streams

SHOWN = ["matching", "split", "loss_a", "loss_b", "error_a", "error_b", "loss_barrier", "loss_barrier_t", "error_barrier", "function_gap"]


@command_streams()
def main(arguments: list[str] | None = None) -> None:
    """Read two networks, compare them, print the table and, with ``--out``, write everything down."""
    parser = argparse.ArgumentParser(
        prog="lmc-sweeps-compare",
        description="Match two networks by optimal transport and measure the barriers between them.",
        epilog="Overrides are those of lmc_sweeps, e.g. dataset=mnist dataset.root=DIR model.activation=tanh matching=[weights] points=51.",
    )
    parser.add_argument("network_a", type=Path, help="safetensors file of network A, which stays as it is")
    parser.add_argument("network_b", type=Path, help="safetensors file of network B, which is permuted")
    parser.add_argument("overrides", nargs="*", help="dataset=..., model=..., matching=..., points=..., device=..., seed=...")
    parser.add_argument("--out", type=Path, help="folder for runs.csv, curves.csv, layers.csv, permutations.npz and the permuted networks")
    options = parser.parse_intermixed_args(arguments)
    options.network_a, options.network_b = (path.expanduser() for path in (options.network_a, options.network_b))
    options.out = options.out and options.out.expanduser()
    try:
        settings = _settings(options.overrides)
        if settings.plane:
            raise checks.InputError("`plane` is for the jobs of lmc_sweeps; here no plane is measured.")
        if len({method.name for method in settings.matching}) < len(settings.matching):
            raise checks.InputError("`matching` must name each method once here; compare one setting after the other.")
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)  # before any compute
        data, _ = load_data(settings.dataset)
        a, b = (_module(path, settings, data) for path in (options.network_a, options.network_b))
        result = compare(
            a,
            b,
            train=(data.train.inputs, data.train.labels),
            test=(data.test.inputs, data.test.labels),
            matching=[method.name for method in settings.matching],
            settings={method.name: method.settings() for method in settings.matching},
            points=settings.points,
            seed=settings.seed,
            device=settings.device,
        )
    except (checks.InputError, HydraException, OSError) as error:
        sys.exit(str(error))
    print(result.to_frame()[SHOWN].to_string(index=False, float_format="{:.4g}".format))
    for note in result.notes:
        print(f"note: {note}")
    if options.out is not None:
        _write(result, options.out)
        print(f"written to {options.out}")


def _settings(overrides: list[str]) -> JobSettings:
    overrides = [plain_folder(text) for text in overrides]
    check_overrides(overrides, [conf_dir()])
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return job_settings(compose("config", overrides))


def _module(path: Path, settings: JobSettings, data: Data) -> nn.Module:
    """Return a checkpoint as a module of the model that was asked for; width and depth are those of the file."""
    found = read_parameters(path)
    weights = [tensor for _, tensor in sorted(found.items(), key=lambda item: _natural(item[0])) if tensor.dim() == 2]
    if len(weights) < 2:
        raise checks.InputError(f"{str(path)!r} holds {len(weights)} weight matrices; a network with a hidden layer has at least 2.")
    architecture = settings.model.architecture(data.n_inputs, len(weights[0]), len(weights) - 1, data.n_classes)
    parameters = _renamed(path, found, list(architecture.spec.axes))
    architecture.spec.sizes(parameters)
    first, last = (next(t for t in order if t.dim() == 2) for order in (list(parameters.values()), list(parameters.values())[::-1]))
    if (first.shape[1], last.shape[0]) != (data.n_inputs, data.n_classes):
        raise checks.InputError(
            f"{str(path)!r} has {first.shape[1]} inputs and {last.shape[0]} classes; "
            f"dataset={settings.dataset.name} has {data.n_inputs} and {data.n_classes}."
        )
    return architecture.module(parameters)


def _renamed(path: Path, found: dict[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """Return the parameters under the model's names: as they are, or taken in the natural order of their own names (0, 2, 10)."""
    if set(found) == set(names):
        return {name: found[name] for name in names}
    order = sorted(found, key=_natural)
    if len(order) != len(names):
        raise checks.InputError(f"{str(path)!r} holds {', '.join(order)}; the model needs {', '.join(names)}. Check model.bias.")
    print(f"{path}: {', '.join(f'{name} as {own}' for own, name in zip(names, order, strict=True))}")
    return {own: found[name] for own, name in zip(names, order, strict=True)}


def _natural(name: str) -> tuple[list[tuple[bool, int, str]], bool]:
    """Return a key that sorts layers by number, and a layer's weight before its bias."""
    layer, _, kind = name.rpartition(".")
    parts = [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", layer)]
    return parts, kind == "bias"


def _write(result: Comparison, folder: Path) -> None:
    for name, frame in (("runs", result.to_frame()), ("curves", result.curves), ("layers", result.layers)):
        write_csv(frame, folder / f"{name}.csv")
    flat = {f"{method}/{group}": found for method, groups in result.permutations.items() for group, found in groups.items()}
    np.savez_compressed(folder / "permutations.npz", **flat)  # type: ignore[arg-type]  # names go in as keywords
    for method, parameters in result.aligned.items():
        save_file({name: tensor.cpu().contiguous() for name, tensor in parameters.items()}, folder / f"aligned_{method}.safetensors")


if __name__ == "__main__":
    main()
