"""The figures that every sweep gets: all are found, and those with nothing to show are left out."""

from pathlib import Path

from matplotlib.figure import Figure

from multirun_analysis import plots


def test_every_figure_draws_a_sweep_over_two_keys(frames):
    drawn = {name: figure.draw(frames, "width", "matching") for name, figure in plots.choices().items()}
    assert {name for name, figure in drawn.items() if isinstance(figure, Figure)} >= {
        "barrier_vs_width", "interpolation_curves", "connected_share", "matching_cost", "dimension_and_barrier", "heat_map",
    }  # fmt: skip
    assert next(iter(drawn)) == "barrier_vs_width"


def test_every_module_with_a_figure_is_found():
    folder = Path(plots.__file__).parent
    assert set(plots.choices()) == {path.stem for path in folder.glob("*.py") if "\nFIGURE = " in path.read_text()}


def test_a_sweep_of_one_width_and_no_other_key_has_no_heat_map_and_no_cost_against_width(frames):
    one = {name: frame.query("width == 8 and `optimizer.lr` == 0.05") if "width" in frame else frame for name, frame in frames.items()}
    figures = plots.choices()
    assert figures["heat_map"].draw(one, "width", "matching") is None
    assert figures["matching_cost"].draw(one, "width", "matching") is None
    assert figures["connected_share"].draw(one, "width", "matching") is None
    assert figures["dimension_and_barrier"].draw(one, "width", "matching") is None  # two pairs are no cloud
    assert isinstance(figures["interpolation_curves"].draw(one, "width", "matching"), Figure)


def test_every_figure_draws_against_any_key(frames):
    drawn = {name: figure.draw(frames, "optimizer.lr", "width") for name, figure in plots.choices().items()}
    assert {name for name, figure in drawn.items() if figure is None} == {
        "plane",
        "training_curves",
        "methods_and_repairs",
        "barrier_against_seconds",
    }  # two methods, one repair
