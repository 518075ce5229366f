"""``python docs/generate_reference.py``: the pages of docs/reference/, from signatures and docstrings, read without importing anything."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
# Page: its title, what it is for, and what it documents: modules as a whole, or objects of them.
PAGES = {
    "sweeps": (
        "Sweeps from Python, and their results",
        ["lmc_sweeps.from_python.sweep", "lmc_sweeps.from_python.job", "multirun_analysis.report.results.SweepResults"],
    ),
    "networks": (
        "Networks of one's own, and of a sweep",
        [
            "lmc_sweeps.compare",
            "lmc_sweeps.own_networks.comparison",
            "lmc_sweeps.networks",
            "lmc_sweeps.parts.add_parts",
            "lmc_sweeps.maths.permutations",
        ],
    ),
    "symmetry": (
        "Symmetries: which neurons can be relabelled",
        [
            f"lmc_sweeps.symmetry.{name}"
            for name in ("tracing.trace", "graph", "maps", "head_maps", "proof", "sites", "streams", "folding", "linear_form", "widening")
        ],
    ),
    "measures": (
        "Barriers, paths, dimension",
        ["lmc_sweeps.maths.barriers", "lmc_sweeps.maths.interpolation", "lmc_sweeps.maths.dimension"]
        + ["lmc_sweeps.measuring.paths", "lmc_sweeps.measuring.evaluation", "lmc_sweeps.measuring.features"],
    ),
    "theory": (
        "Theory: rates, bounds, certificates",
        [f"lmc_sweeps.maths.{name}" for name in ("cost_bounds", "width_recursions", "certificates")],
    ),
    "matching": (
        "Matching methods",
        [f"lmc_sweeps.matching.{name}" for name in ("base", "entropic", "problem", "neuron_weights", "layers", "iteration")]
        + [f"lmc_sweeps.matching.{name}" for name in ("identity", "random_permutations", "weights", "covariance", "activations")]
        + [f"lmc_sweeps.matching.{name}" for name in ("rebasin", "rebasin_covariance", "merge_many", "frank_wolfe")]
        + [f"lmc_sweeps.matching.{name}" for name in ("straight_through", "annealing", "midpoint", "sinkhorn", "otfusion")]
        + [f"lmc_sweeps.matching.{name}" for name in ("procrustes", "learned_maps", "folding", "richer", "tensor_maps")]
        + [f"lmc_sweeps.matching.{name}" for name in ("all_weights", "soft_maps", "soft_losses")]
        + [f"lmc_sweeps.maths.{name}" for name in ("ground_costs", "attention", "doubly_stochastic", "orthogonal")],
    ),
    "transport": ("Transport solvers", [f"lmc_sweeps.transport.{name}" for name in ("base", "emd", "assignment", "sinkhorn")]),
    "models": (
        "Models",
        [
            f"lmc_sweeps.models.{name}"
            for name in (
                "shape",
                "base",
                "architecture",
                "stack",
                "counts",
                "criteria",
                "mlp",
                "mean_field",
                "chain_layer",
                "feed_forward",
                "sequential",
                "torch_module",
                "traced",
                "convolutional",
                "cnn",
                "vgg",
                "resnet",
                "transformer",
                "vit",
                "gpt",
                "product_counts",
                "functional",
                "batch_norm",
            )
        ],
    ),
    "repair": ("Repairs", [f"lmc_sweeps.repair.{name}" for name in ("base", "none", "reset")]),
    "loggers": ("Loggers", [f"lmc_sweeps.loggers.{name}" for name in ("base", "logged_job", "tensorboard", "wandb", "mlflow")]),
    "datasets": ("Datasets", [f"lmc_sweeps.datasets.{name}" for name in ("base", "digits", "gaussian_mixture", "idx", "python_text")]),
    "analysis": (
        "Analysis: loading and tables",
        [
            f"multirun_analysis.frames.discovery.load_{name}"
            for name in ("runs", "blocks", "curves", "layers", "training_curves", "expected")
        ]
        + ["multirun_analysis.frames.planes.load_planes", "multirun_analysis.report.report.write_report"]
        + [
            f"multirun_analysis.tables.{name}"
            for name in ("barrier_vs_width", "method_differences", "repair_differences", "direction_differences")
        ]
        + [f"multirun_analysis.tables.{name}" for name in ("connected_share", "width_needed", "barrier_against_seconds")]
        + [f"multirun_analysis.tables.{name}" for name in ("slopes", "matching_costs", "dimension_correlations", "certificates", "pivots")],
    ),
    "plots": (
        "Analysis: plots, and figures for papers",
        [
            f"multirun_analysis.plots.{module}.{name}"
            for module, name in (
                ("barrier_vs_width", "plot_barrier_vs_width"),
                ("interpolation_curves", "plot_curves"),
                ("connected_share", "plot_connected_share"),
                ("matching_cost", "plot_matching_cost"),
                ("barrier_against_seconds", "plot_barrier_against_seconds"),
                ("methods_and_repairs", "plot_methods_and_repairs"),
                ("training_curves", "plot_training_curves"),
                ("dimension_and_barrier", "plot_dimension_and_barrier"),
                ("heat_map", "plot_heat_map"),
                ("plane", "plot_plane"),
            )
        ]
        + ["multirun_analysis.report.paper_figure", "multirun_analysis.report.paper_options"],
    ),
    "statistics": (
        "Analysis: statistics",
        [
            f"multirun_analysis.stats.{name}"
            for name in (
                "interval_choice",
                "intervals",
                "positive",
                "lognormal",
                "shared_examples",
                "two_way",
                "resampling",
                "summary",
                "shares",
            )
        ]
        + [f"multirun_analysis.stats.{name}" for name in ("crossings", "slopes", "correlations", "decisions", "power")],
    ),
}
OWN = ("__call__",)  # dunder methods that are documented
LISTED = {
    "parameters": "Parameters",
    "other parameters": "Other parameters",
    "attributes": "Attributes",
    "raises": "Raises",
    "warns": "Warns",
}
LISTED |= {"returns": "Returns", "yields": "Yields", "warns": "Warns"}


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    loader = griffe.GriffeLoader(search_paths=[str(ROOT)], docstring_parser=griffe.Parser.numpy)
    packages = {name: loader.load(name) for name in ("lmc_sweeps", "multirun_analysis")}
    reference = {f"{name}.md": _page(packages, *page) for name, page in PAGES.items()}
    lines = [
        "# Reference",
        "",
        "From signatures and docstrings, by `python docs/generate_reference.py`; a test holds the two together.",
        "",
    ]
    lines += ["| page | modules |", "|---|---|"]
    for name, (title, paths) in PAGES.items():
        lines.append(f"| [{title}]({name}.md) | {', '.join(f'`{path}`' for path in paths)} |")
    lines += [
        "",
        "The columns of all tables: [columns.md](../columns.md). What was given wrongly raises an `InputError`, which is a `ValueError`.",
    ]
    return {"index.md": "\n".join(lines) + "\n", **reference}


def _page(packages: dict[str, griffe.Object], title: str, paths: list[str]) -> str:
    parts = [f"# {title}", "", "Generated by `python docs/generate_reference.py`. [All pages](index.md).", ""]
    for path in paths:
        package, _, name = path.partition(".")
        thing = packages[package][name]
        if isinstance(thing, griffe.Module):
            parts += [f"## {path}", "", *_docstring(thing)]
            for member in _members(thing):
                parts += _object(member, "###")
        else:
            parts += _object(thing, "##")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _members(thing: griffe.Object) -> Iterator[griffe.Object]:
    """Yield the public functions and classes (or methods, properties) that are defined here, with a docstring."""
    for name, member in thing.members.items():
        is_own = not member.is_alias and (not name.startswith("_") or name in OWN)
        if is_own and (member.is_function or member.is_class or "property" in member.labels) and member.has_docstring:
            yield member


def _object(thing: griffe.Object, level: str) -> list[str]:
    name = f"{thing.parent.name}.{thing.name}" if thing.parent is not None and thing.parent.is_class else thing.name
    signature = _signature(thing).replace("'", '"')  # as ruff has it
    parts = [f"{level} {name}", "", "```python", signature, "```", "", *_docstring(thing)]
    if isinstance(thing, griffe.Class):
        for member in _members(thing):
            parts += _object(member, level + "#")
    return parts


def _signature(thing: griffe.Object) -> str:
    if isinstance(thing, griffe.Class):
        bases = ", ".join(str(base) for base in thing.bases)
        lines = [f"class {thing.name}({bases}):" if bases else f"class {thing.name}:"]
        fields = [member for member in thing.attributes.values() if member.annotation is not None and "property" not in member.labels]
        lines += [f"    {field.name}: {field.annotation}" + (f" = {field.value}" if field.value else "") for field in fields]
        return "\n".join(lines) if fields else f"{lines[0]} ..."
    if not isinstance(thing, griffe.Function):
        return f"{thing.name}: {thing.annotation}"
    shown = [_parameter(p) for p in thing.parameters if p.name != "self"]
    kinds = [p.kind for p in thing.parameters if p.name != "self"]
    if griffe.ParameterKind.keyword_only in kinds and griffe.ParameterKind.var_positional not in kinds:
        shown.insert(kinds.index(griffe.ParameterKind.keyword_only), "*")
    whole = f"{thing.name}({', '.join(shown)}) -> {thing.returns}"
    return whole if len(whole) <= 120 else "\n".join([f"{thing.name}(", *(f"    {p}," for p in shown), f") -> {thing.returns}"])


def _parameter(parameter: griffe.Parameter) -> str:
    star = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}.get(parameter.kind, "")
    default = "" if parameter.default is None or star else f" = {parameter.default}"
    return f"{star}{parameter.name}: {parameter.annotation}{default}"


def _docstring(thing: griffe.Object) -> list[str]:
    """Return a docstring's sections as Markdown: text with its equations, and lists."""
    parts = []
    for section in _sections(thing):
        kind = section.kind.value
        if kind == "text":
            parts += [_text(section.value), ""]
        elif kind in LISTED:
            # `x, y : float` is two parameters with one meaning
            groups = groupby(section.value, key=lambda item: (item.annotation, item.description))
            parts += [f"**{LISTED[kind]}**", "", *(_item(list(group), kind) for _, group in groups), ""]
        elif kind == "examples":
            parts += ["**Examples**", "", "```pycon", "\n".join(text for _, text in section.value), "```", ""]
        else:
            parts += [f"**{section.title or kind.capitalize()}**", "", _text(section.value.contents), ""]
    return parts


def _sections(thing: griffe.Object) -> list[griffe.DocstringSection]:
    """Return the sections of a docstring, which does not know where it stands: or its ``shape (n,)`` would be taken for an expression."""
    text = thing.docstring.value if thing.docstring is not None else ""
    return griffe.parse_numpy(griffe.Docstring(text))


def _item(items: list[griffe.DocstringElement], kind: str) -> str:
    names = [f"`{item.name}`" for item in items if kind != "raises" and getattr(item, "name", "")]
    annotation = _text(str(items[0].annotation or ""))
    head = ", ".join(names) + (f": {annotation}" if annotation else "") if names else f"`{annotation}`"
    text = _text(items[0].description or "").replace("\n", "\n  ")
    return f"- {head}" + (f". {text}" if text else "")


def _text(text: str) -> str:
    """Return reStructuredText, as far as the docstrings use it, as Markdown: equations, code, and references to objects."""
    lines: list[str] = []
    equation: list[str] | None = None
    for line in text.splitlines():
        if line.lstrip().startswith(".. math::"):
            equation = [line.split("::", 1)[1].strip()]
        elif equation is not None and (line.startswith("   ") or (not line.strip() and equation == [""])):
            equation.append(line.strip())
        else:
            if equation is not None:
                lines += _equation(equation)
                equation = None
            lines.append(line)
    if equation is not None:
        lines += _equation(equation)
    plain = "\n".join(lines)
    plain = re.sub(r":math:`([^`]+)`", r"$\0\1\0$", plain)  # \0 stands for the ticks of `, which the next line must not see
    return plain.replace("``", "`").replace("\0", "`")


def _equation(lines: list[str]) -> list[str]:
    lines = [line for line in lines if line]
    if any("&=" in line for line in lines):  # Sphinx aligns such lines unasked
        lines = [r"\begin{split}", *lines, r"\end{split}"]
    return ["\0\0\0math", *lines, "\0\0\0"]


def main() -> None:
    """Write the pages, and remove those that are no longer made."""
    REFERENCE.mkdir(exist_ok=True)
    made = pages()
    for old in set(REFERENCE.glob("*.md")) - {REFERENCE / name for name in made}:
        old.unlink()
    for name, text in made.items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
