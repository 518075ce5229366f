"""Pivots: any two keys as rows and columns, what is not worse in bold, nothing in a name taken for Markdown or LaTeX."""

import re
import subprocess
from html import escape

import numpy as np
import pytest
from analysis_sweeps import REPAIRS, make_record
from markdown_it import MarkdownIt

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.__main__ import main
from multirun_analysis.checks import InputError
from multirun_analysis.common.media import for_latex
from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.not_worse import MEANING
from multirun_analysis.tables.pivots import has_bold, pivot, pivot_latex, pivot_markdown, pivot_text


@pytest.fixture
def folder(write_sweep):
    return write_sweep(
        [
            make_record(f"r{seed}{width}{lr}", seed=seed, width=width, barrier=lr * 2 / width, **{"optimizer.lr": lr})
            for seed in (0, 1)
            for width in (8, 16)
            for lr in (0.5, 0.05, 1.0)
        ]
    )


@pytest.fixture
def runs(folder):
    return load_runs(folder)


@pytest.fixture
def table(runs):
    return barrier_vs_width(runs)


@pytest.fixture
def blocks(table, runs):
    return pivot(table, runs, differences={"method_differences": method_differences(runs)})


def test_any_two_keys_make_the_rows_and_the_columns(table, runs):
    blocks = pivot(table, runs, x="optimizer.lr", hue="width")
    assert [block.title.rpartition(", ")[2] for block in blocks] == ["matching=identity", "matching=weights"]
    assert blocks[1].header == ("optimizer.lr", "pairs", "error at ends", "8", "16")
    assert [row[0] for row in blocks[1].rows] == ["0.05", "0.5", "1.0"]  # by value
    np.testing.assert_allclose([[value.mean for value in row[3]] for row in blocks[1].rows], np.outer([0.05, 0.5, 1.0], [1 / 4, 1 / 8]))
    assert not has_bold(blocks)  # of two widths no two networks are a pair of both


def test_every_repair_has_a_block_and_may_be_a_column(write_sweep):
    runs = load_runs(write_sweep([make_record(f"r{k}", seed=k, barrier=0.2, repairs=REPAIRS) for k in range(2)]))
    blocks = pivot(barrier_vs_width(runs), runs)
    assert [block.title.rpartition(", ")[2] for block in blocks] == ["repair=none", "repair=reset"]
    np.testing.assert_allclose([[value.mean for value in block.rows[0][3]] for block in blocks], [[2.0, 0.2], [1.0, 0.1]])
    by_repair = pivot(barrier_vs_width(runs), runs, hue="repair")
    assert [block.title.rpartition(", ")[2] for block in by_repair] == ["matching=identity", "matching=weights"]
    assert by_repair[0].header[3:] == ("none", "reset")


def test_the_default_is_width_and_method(table, runs):
    blocks = pivot(table, runs)
    assert len(blocks) == 3  # learning rates
    assert blocks[0].header == ("width", "pairs", "error at ends", "identity", "weights")
    assert "optimizer.lr=0.05" in blocks[0].title


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"x": "lr"}, "`--x` must be one of dataset, model, depth, optimizer.lr, matching, width, got 'lr'. Did you mean 'optimizer.lr'?"),
        ({"x": "widht"}, "`--x` must be one of dataset, model, depth, optimizer.lr, matching, width, got 'widht'. Did you mean 'width'?"),
        (
            {"x": "Matching"},
            "`--x` must be one of dataset, model, depth, optimizer.lr, matching, width, got 'Matching'. Did you mean 'matching'?",
        ),
        ({"hue": "loss_a"}, "`--hue` must be one of dataset, model, depth, optimizer.lr, matching, width, got 'loss_a'."),
        ({"hue": "width"}, "`--x` and `--hue` must be two keys, got 'width' for both."),
    ],
)
def test_what_is_no_key_is_refused(table, runs, keys, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        pivot(table, runs, **keys)


def test_markdown_has_a_row_per_width_and_what_is_not_worse_in_bold(table, runs, blocks):
    lines = pivot_markdown(blocks).splitlines()
    assert lines[2] == "| width | pairs | error at ends | identity | weights |"
    assert lines[4] == "| 8 | 2/2 | 0.0300 | 0.1250 ± 0 | **0.0125 ± 0** |"
    assert lines[-1] == MEANING
    assert "**" not in pivot_markdown(pivot(table, runs))
    assert MEANING not in pivot_markdown(pivot(table, runs))


def test_latex_has_a_table_per_block_with_a_caption_and_a_label_of_its_own(table, runs, blocks):
    text = pivot_latex(blocks)
    assert text.count(r"\begin{tabular}{rrrrr}") == text.count(r"\end{tabular}") == text.count(r"\bottomrule") == 3
    assert r"8 & 2/2 & 0.0300 & 0.1250 $\pm$ 0 & \textbf{0.0125 $\pm$ 0} \\" in text.splitlines()
    captions = re.findall(r"^\\caption\{Test loss barrier; (.*)\. (.*)\}$", text, flags=re.MULTILINE)
    assert captions == [(for_latex(block.title), for_latex(MEANING)) for block in blocks]
    assert re.findall(r"^\\label\{(.*)\}$", text, flags=re.MULTILINE) == [f"tab:barrier_vs_width_{k}" for k in (1, 2, 3)]
    assert r"\label{tab:barrier_vs_width}" in pivot_latex(blocks[:1])
    assert for_latex(MEANING) not in pivot_latex(pivot(table, runs))


def test_names_are_escaped(write_sweep):
    name = r"a_b|c<img>&50%$x^2{}~\n"
    runs = load_runs(write_sweep([make_record(f"r{width}", width=width, dataset=name) for width in (8, 16)]))
    table = barrier_vs_width(runs)
    blocks = pivot(table, runs, x="dataset", hue="width")
    markdown = pivot_markdown(blocks)
    assert r"a\_b\|c\<img\>\&50%\$x^2\{\}\~\\n" in markdown
    assert "<img>" not in markdown
    assert (
        r"a\_b\textbar{}c\textless{}img\textgreater{}\&50\%\$x\textasciicircum{}2\{\}\textasciitilde{}\textbackslash{}n &"
        in pivot_latex(blocks)
    )
    broken = load_runs(write_sweep([make_record("r", dataset="a\nb")], name="other"))
    assert r"dataset=a\textbackslash{}nb, model" in pivot_latex(pivot(barrier_vs_width(broken), broken))


def test_the_figure_stands_on_any_key(table, folder):
    rows = table[(table["matching"] == "weights")]
    ax = plot_barrier_vs_width(rows, load_runs(folder).query("matching == 'weights'"), x="optimizer.lr", hue="width")
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "optimizer.lr"
    lines = {line.get_label(): line for line in ax.get_lines() if not line.get_label().startswith("_")}
    assert list(lines) == ["8", "16"]
    np.testing.assert_allclose(lines["8"].get_xdata(), [0.05, 0.5, 1.0], rtol=0.05)  # beside the other line
    np.testing.assert_allclose(lines["8"].get_ydata(), [0.0125, 0.125, 0.25])


def test_words_stand_side_by_side(table, folder):
    ax = plot_barrier_vs_width(table[table["width"] == 8], load_runs(folder).query("width == 8"), x="matching", hue="optimizer.lr")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["identity", "weights"]
    assert ax.get_xscale() == "linear"


@pytest.mark.usefixtures("no_figures")
def test_the_command_line_takes_two_keys(folder, tmp_path, capsys):
    main([str(folder), "--x", "optimizer.lr", "--hue", "matching", "--out", str(tmp_path)])
    assert "optimizer.lr  pairs  error at ends" in capsys.readouterr().out
    assert "| optimizer.lr | pairs |" in (tmp_path / "barrier_vs_width.md").read_text()
    with pytest.raises(SystemExit, match="`--x` must be one of"):
        main([str(folder), "--x", "nothing", "--out", str(tmp_path / "none")])
    assert not (tmp_path / "none").exists()


def test_text_is_what_the_pivot_holds(table, runs):
    text = pivot_text(pivot(table, runs, metric="error_barrier", split="train"))
    assert text.splitlines()[2].split() == ["8", "2/2", "0.0300", "0.0125", "±", "0", "0.00125", "±", "0"]


LETTERS = "\\ & % $ # _ { } ~ ^ < > | * ` [x](y)"


@pytest.mark.needs("pdflatex")
def test_latex_compiles_with_every_letter_that_latex_reads(table, runs, tmp_path):
    tex = pivot_latex(pivot(table, runs.assign(matching=table["matching"] + " " + LETTERS)))
    document = "\n".join([r"\documentclass{article}\usepackage{booktabs}\begin{document}\tiny", tex, r"\end{document}"])
    (tmp_path / "table.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stdout
    assert (tmp_path / "table.pdf").stat().st_size > 1000
    assert "Missing" not in completed.stdout


def test_markdown_renders_as_tables_with_the_names_as_they_are(table, runs):
    table, runs = (frame.assign(matching=frame["matching"] + " " + LETTERS) for frame in (table, runs))
    blocks = pivot(table, runs, differences={"method_differences": method_differences(runs)})
    html = MarkdownIt("commonmark").enable("table").render(pivot_markdown(blocks))
    assert html.count("<table>") == len(blocks)
    assert html.count("<tr>") == sum(1 + len(block.rows) for block in blocks)
    assert html.count("<strong>") > 0
    assert html.count("<strong>") == sum(value.best for block in blocks for row in block.rows for value in row[3])
    assert f'<th style="text-align:right">weights {escape(LETTERS, quote=False)}</th>' in html
    assert "<a " not in html
