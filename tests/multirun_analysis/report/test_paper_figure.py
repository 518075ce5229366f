"""Figures for papers: what they show, their files, the caption, and what is said of what is not there."""

import re
import subprocess

import pytest
from analysis_sweeps import make_record
from PIL import Image

from multirun_analysis import SweepResults
from multirun_analysis.__main__ import main
from multirun_analysis.checks import InputError
from multirun_analysis.output import figures
from multirun_analysis.report.paper_figure import PaperFigure, write_paper_figure

FIGURE = "--figure barrier_vs_width"


@pytest.fixture
def folder(write_sweep):
    records = [
        make_record(f"r{seed}{width}{depth}", seed=seed, width=width, depth=depth, barrier=depth / width / (seed + 1))
        for seed in (0, 1, 2)
        for width in (8, 32, 128)
        for depth in (1, 2)
    ]
    return write_sweep(records)


def panels(figure):
    return [ax for ax in figure.axes if ax.axison]


def test_the_command_writes_each_format_in_the_size_that_was_asked_for(folder, capsys):
    main([str(folder), *FIGURE.split(), "--metric", "error_barrier", "--size", "82.55x61mm", "--format", "pdf,png,svg"])
    files = [folder / "analysis" / "paper" / f"barrier_vs_width.{ending}" for ending in ("pdf", "png", "svg", "tex")]
    assert capsys.readouterr().out.split() == [str(file) for file in files]
    assert sorted(folder.joinpath("analysis").iterdir()) == [folder / "analysis" / "paper"]  # and nothing else
    with Image.open(files[1]) as image:
        assert image.size == (int(82.55 / 25.4 * 150), int(61 / 25.4 * 150))
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", files[0].read_bytes())
    assert [float(side) for side in box.groups()] == pytest.approx([82.55 / 25.4 * 72, 61 / 25.4 * 72], abs=0.01)
    assert 'width="234pt"' in files[2].read_text().replace("234.0pt", "234pt")


@pytest.mark.filterwarnings("ignore:letters overlap")
def test_equal_figures_are_equal_bytes(folder, tmp_path):
    for name in ("one", "other"):
        write_paper_figure([folder], PaperFigure(size=(3.25, 2.4)), ["pdf", "png", "svg"], tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "other" / file.name).read_bytes(), file.name


def test_cells_of_one_measure_stand_side_by_side_on_one_scale_under_what_differs(folder):
    figure, caption = SweepResults(folder).paper_figure(metric="error_barrier", size=(3.25, 2.4), level_line=0.01)
    assert [ax.texts[-1].get_text() for ax in panels(figure)] == ["depth=1", "depth=2"]
    first, second = panels(figure)
    assert first.get_ylim() == second.get_ylim()
    middle = [0.003, 0.01, 0.1]
    assert [first.transScale.transform((8, y))[1] for y in middle] == [second.transScale.transform((8, y))[1] for y in middle]
    assert (first.get_ylabel(), second.get_ylabel()) == ("test error barrier [fraction]", "")
    assert all(any(set(line.get_ydata()) == {0.01} for line in ax.lines) for ax in panels(figure))
    for part in (
        "(test error barrier)",
        "Points: pairs; line: mean; bar: ",
        "Dotted line: a test error barrier of 0.01.",
        "3 pairs of networks for each value.",
    ):
        assert part in caption
    assert "depth" not in caption.split("Dotted line")[1]  # there are two


@pytest.mark.parametrize(
    ("select", "depths", "methods"),
    [
        ({"depth": 2}, [2], {"identity", "weights"}),
        ({"depth": ["1", "2"], "matching": "weights"}, [1, 2], {"weights"}),
        ({"width": [8, 128]}, [1, 2], {"identity", "weights"}),
    ],
)
def test_only_the_selected_values_are_shown(folder, select, depths, methods):
    figure, caption = SweepResults(folder).paper_figure(metric="loss_barrier", select=select)
    assert len(panels(figure)) == len(depths)
    assert {text.get_text() for text in figure.legends[0].get_texts()} == methods
    assert ("depth 2" in caption) == (depths == [2])
    if "width" in select:
        assert [float(tick) for tick in panels(figure)[0].get_xticks()] == [8, 128]


def test_a_line_is_seen_wherever_it_lies_and_on_no_panel_that_is_not(write_sweep):
    records = [make_record(f"r{seed}{depth}", seed=seed, depth=depth, barrier=0.1) for seed in (0, 1, 2) for depth in range(1, 6)]
    figure, _ = SweepResults(write_sweep(records)).paper_figure(metric="loss_barrier", level_line=50.0)
    assert len(figure.axes) > len(panels(figure)) == 5
    for ax in figure.axes:
        assert any(set(line.get_ydata()) == {50.0} for line in ax.lines) == ax.axison
        assert not ax.axison or ax.get_ylim()[1] > 50


@pytest.mark.filterwarnings("ignore:letters overlap")
def test_one_style_may_stand_alone(folder):
    figure, _ = SweepResults(folder).paper_figure(styles="tueplots.icml2022")
    assert figure.get_figwidth() == 3.25


def test_letters_without_room_are_warned_of_and_a_size_without_room_is_refused(folder, tmp_path):
    warned = []
    write_paper_figure([folder], PaperFigure(size=(3.25, 2.4)), ["png"], tmp_path, warn=warned.append)
    write_paper_figure([folder], PaperFigure(size=(9.2, 7.0)), ["png"], tmp_path, warn=warned.append)
    assert [sentence.partition(":")[0] for sentence in warned] == ["letters overlap at 3.25 x 2.4 inches"]
    with pytest.raises(InputError, match="a figure of 1 x 1 inches has no room for its panels"):
        SweepResults(folder).paper_figure(size=(1, 1))


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"size": 3.25}, "`size` must be a width and a height in inches"),
        ({"size": "3.25"}, "`--size` must be"),
        ({"select": "depth=1"}, "`select` must be keys and their values"),
    ],
)
def test_what_is_no_size_or_selection_is_refused_with_a_sentence(folder, keys, sentence):
    with pytest.raises(InputError, match=sentence):
        SweepResults(folder).paper_figure(**keys)


def test_a_caption_says_of_the_control_only_where_it_is_shown(folder):
    captions = [SweepResults(folder).paper_figure(select=select)[1] for select in ({}, {"matching": "weights"})]
    assert ["identity is the control" in caption for caption in captions] == [True, False]


def test_other_figures_of_the_report_can_be_drawn_too(folder):
    figure, caption = SweepResults(folder).paper_figure("interpolation_curves", select={"depth": 1}, size=(6.5, 3.0))
    assert tuple(figure.get_size_inches()) == (6.5, 3.0)
    assert caption


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--figure barrier_vs_with", "`--figure` must be one of .* Did you mean 'barrier_vs_width'"),
        (f"{FIGURE} --metric eror_barrier", "`--metric` must be one of .* Did you mean 'error_barrier'"),
        (f"{FIGURE} --select dept=1", "`--select` must name one of dataset, model, depth.* Did you mean 'depth'"),
        (f"{FIGURE} --select split=train", "`--select` must name one of dataset, model, depth"),
        (f"{FIGURE} --line 0.01", "`--line` is for --figure barrier_vs_width with the --metric whose value it marks"),
        (f"{FIGURE} --metric loss_barrier --line nan", "`--line` must be a number, got nan"),
        ("--figure connected_share --metric loss_barrier", "`--metric` must not be set for connected_share, whose measures are its own"),
        (f"{FIGURE} --select depth=3", "`--select` depth must be one or several of 1, 2, got '3'"),
        (f"{FIGURE} --format jpg", "`--format` must be one or several of pdf, png, svg, pgf, got 'jpg'"),
        (f"{FIGURE} --size 3", "`--size` must be WIDTHxHEIGHT"),
        (f"{FIGURE} --x depht", "`--x` must be one of .* Did you mean 'depth'"),
        ("--figure plane", "`--figure` plane has nothing to show of this sweep"),
        (f"{FIGURE} --only runs", "`--figure` and `--only` exclude each other"),
        (f"{FIGURE} --study width_mnist", "`--figure` and `--study` exclude each other"),
        ("--size 3x2", "`--size` is of a figure for a paper: name it with --figure"),
        ("--line 0.01", "`--line` is of a figure for a paper"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_nothing_is_written(folder, arguments, sentence):
    with pytest.raises(SystemExit, match=sentence):
        main([str(folder), *arguments.split()])
    assert not (folder / "analysis" / "paper").exists()


def test_the_format_of_latex_needs_it(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(figures.PGF, "pgf.texsystem", "lualatex")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="pgf needs the program lualatex, which is not here"):
        write_paper_figure([folder], PaperFigure(), ["pgf"], tmp_path)


def test_a_float_of_svg_alone_says_that_latex_takes_none(folder, tmp_path):
    write_paper_figure([folder], PaperFigure(), ["svg"], tmp_path)
    assert (tmp_path / "barrier_vs_width.tex").read_text().startswith("% LaTeX takes no SVG by itself")


def compiled(folder):
    """Return what LaTeX says of a document with the float in a folder."""
    name = next(folder.glob("*.tex")).name
    document = rf"\documentclass{{article}}\usepackage{{graphicx,pgf}}\begin{{document}}\input{{{name}}}\end{{document}}"
    (folder / "paper.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.needs("pdflatex")
def test_pictures_inside_of_a_pgf_lie_beside_it(write_sweep, tmp_path):
    records = [
        make_record(f"r{seed}{width}{lr}", seed=seed, width=width, barrier=lr / width, **{"optimizer.lr": lr})
        for seed in (0, 1)
        for width in (8, 32)
        for lr in (0.1, 0.2)
    ]
    write_paper_figure([write_sweep(records)], PaperFigure("heat_map"), ["pgf"], tmp_path)
    assert list(tmp_path.glob("heat_map-img*.png"))
    completed = compiled(tmp_path)
    assert completed.returncode == 0, completed.stdout


@pytest.mark.needs("pdflatex")
def test_what_latex_cannot_set_is_a_sentence(write_sweep, tmp_path):
    records = [make_record(f"r{seed}{width}", seed=seed, width=width, dataset="κ→") for seed in (0, 1) for width in (8, 32)]
    with pytest.raises(InputError, match=r"LaTeX cannot set the figure for the format pgf \(! "):
        write_paper_figure([write_sweep(records)], PaperFigure(hue="dataset"), ["pgf"], tmp_path)


@pytest.mark.filterwarnings("ignore:letters overlap")
@pytest.mark.needs("pdflatex")
@pytest.mark.parametrize("format_name", ["pdf", "pgf"])
def test_the_float_compiles_with_names_of_methods_as_they_are(write_sweep, tmp_path, format_name):
    records = [
        make_record(f"r{seed}{width}", seed=seed, width=width, dataset="a_b & 50% $x^2$ #1 {y} ~") for seed in (0, 1) for width in (8, 32)
    ]
    write_paper_figure([write_sweep(records)], PaperFigure(size=(3.25, 2.4), hue="dataset"), [format_name], tmp_path)
    completed = compiled(tmp_path)
    assert completed.returncode == 0, completed.stdout
    assert "Missing" not in completed.stdout
