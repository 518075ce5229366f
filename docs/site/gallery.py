"""The gallery: each figure of a report, drawn while the site is built from the tables in results/, with the commands that draw it."""

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import lmc_sweeps
from multirun_analysis import SweepResults, plots
from multirun_analysis.output.figures import figure_png

PLANES = {"width": 16, "seed": 0, "plane": True}  # of the sweep in PLANES_FOLDER: no study has planes
PLANES_FOLDER = "my_planes"


@dataclass(frozen=True)
class Shown:
    """What the gallery shows of a figure: the function that draws one of its panels, a folder of tables, and the values of keys."""

    function: str
    folder: str
    select: dict[str, str] = field(default_factory=dict)


SHOWN = {
    "barrier_vs_width": Shown("plot_barrier_vs_width", "results/width_mnist", {"training.epochs": "50"}),
    "methods_and_repairs": Shown("plot_methods_and_repairs", "results/widths_resnet", {"model.norm": "batch"}),
    "interpolation_curves": Shown("plot_curves", "results/width_mnist", {"training.epochs": "50"}),
    "connected_share": Shown("plot_connected_share", "results/width_mnist", {"training.epochs": "50"}),
    "matching_cost": Shown("plot_matching_cost", "results/width_mnist", {"training.epochs": "50"}),
    "barrier_against_seconds": Shown("plot_barrier_against_seconds", "results/methods_mnist", {"depth": "1", "repair": "none"}),
    "dimension_and_barrier": Shown("plot_dimension_and_barrier", "results/low_dimension_trained"),
    "training_curves": Shown("plot_training_curves", "results/transformers", {"model": "vit"}),
    "heat_map": Shown("plot_heat_map", "results/depth_mnist"),
    "plane": Shown("plot_plane", PLANES_FOLDER),
}


def files(root: Path) -> dict[str, str | bytes]:
    """Return the gallery's page and its pictures, by their names in its folder."""
    made: dict[str, str | bytes] = {}
    parts = [
        "# Gallery",
        "Every sweep's report has these figures where it has what they show. They were drawn while this page was made, by the commands "
        "beside them, from the tables in `results/`, the last one from a small sweep; the figures of studies alone are on the page of "
        "[results](../docs/results.md).",
    ]
    with tempfile.TemporaryDirectory() as folder:
        lmc_sweeps.sweep(**PLANES, dir=Path(folder) / PLANES_FOLDER, **{"store.dir": str(Path(folder) / "store"), "report": False})
        for name, shown in SHOWN.items():
            figure = plots.choices()[name]
            parent = Path(folder) if shown.folder == PLANES_FOLDER else root
            drawn, caption = SweepResults(parent / shown.folder).paper_figure(name, select=shown.select)
            made[f"{name}.png"] = figure_png(drawn)
            parts += [f"## {figure.title.format(x='width')}", f"![{figure.title.format(x='width')}]({name}.png)", caption, _commands(name)]
    return {"index.md": "\n\n".join(parts) + "\n", **made}


def _commands(name: str) -> str:
    shown = SHOWN[name]
    select = "".join(f" --select {key}={value}" for key, value in shown.select.items())
    command = f"python -m multirun_analysis {shown.folder} --figure {name}{select} --format png"
    if shown.folder == PLANES_FOLDER:
        keys = " ".join(f"{key}={str(value).lower()}" for key, value in PLANES.items())
        command = f"python -m lmc_sweeps {keys} hydra.sweep.dir={PLANES_FOLDER} -m\n{command}"
    call = f'SweepResults("{shown.folder}").paper_figure("{name}"' + (f", select={shown.select}" if shown.select else "") + ")"
    call = "from multirun_analysis import SweepResults\n\nfigure, caption = " + call.replace("'", '"')
    link = f"One panel on axes of your own: [`{shown.function}`](../docs/reference/plots.md#{shown.function})."
    return f"```bash\n{command}\n```\n\n```python\n{call}\n```\n\n{link}"


def with_pictures(markdown: str) -> str:
    """Return the page of the plots' reference with each function's figure under its heading."""
    for name, shown in SHOWN.items():
        picture = f"[![A figure of its panels](../../gallery/{name}.png)](../../gallery/index.md)"
        markdown, count = re.subn(rf"^## {shown.function}$", rf"\g<0>\n\n{picture}", markdown, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"docs/reference/plots.md must have one heading {shown.function}, and has {count}.")
    return markdown
