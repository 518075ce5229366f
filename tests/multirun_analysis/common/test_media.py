"""Text from files and keys in every medium: whatever it is, it shows, and nothing in it is a command, markup or a formula."""

import io
import re
import unicodedata
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import matplotlib
import pandas as pd
import pytest
from analysis_sweeps import expect, make_record
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from multirun_analysis.common.media import (
    FORMULA,
    for_csv,
    for_figure,
    for_html,
    for_latex,
    for_markdown,
    for_terminal,
    from_figure,
    terminal_columns,
    visible,
)
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.output.csv_text import write_frame
from multirun_analysis.output.figures import figure_svg, save_figure
from multirun_analysis.page.page import Section, Text, page
from multirun_analysis.plots.hover import TIP, hover_svg
from multirun_analysis.report.drawing import write_page
from multirun_analysis.report.report import Report, write_report
from multirun_analysis.report.terminal import show
from multirun_analysis.tables.names import TABLES
from multirun_analysis.tables.not_worse import MEANING
from multirun_analysis.tables.pivots import Block, Value, pivot_latex, pivot_markdown, pivot_text
from multirun_analysis.tables.sweep import sweep_frames

CLIPBOARD, CLEAR, LINK = "\x1b]52;c;aGk=\x07", "\x1b[2J\x1b[H", "\x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\"
HOSTILE = [
    CLIPBOARD, CLEAR, LINK, "\x9b2J", "\x00", "\n", "\r\x08", "\t", "\x7f", "\u202egnp.exe", "\u2066", "\ufeff", "\u2028", "\ud800", "\ufffe",
    r"$\frac{1$", "$$", "$x$", "$", r"\$", "_", "_hidden", "^{", "a_b^c", "%", "{", "\\", "[red]bold[/red]", "[8, 16]", "*", "-", "=1+1",
    "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "|", "<b>", "&amp;", "`x`", "~~x~~", "http://x.y", ":smile:", "# x", "\U0001f469\u200d\U0001f469",
    "長い名前", "e\u0301", "",
]  # fmt: skip
ANY = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(HOSTILE)


def shows(text: str, keep: str = "") -> bool:
    return all(letter.isprintable() or unicodedata.category(letter) == "Zs" or letter in keep for letter in text)


@given(ANY)
def test_visible_text_shows_every_letter_can_be_encoded_and_leaves_what_shows_as_it_is(text):
    shown = visible(text)
    assert shows(shown)
    assert shown.encode().decode() == shown
    assert visible(shown) == shown
    assert (shown == text) == shows(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\tc\0", r"a\nb\tc\x00"),
        ("\u202ex", r"\u202ex"),
        ("\ud800", r"\ud800"),
        ("é 長", "é 長"),
        ("\xa0", "\xa0"),
    ],
)
def test_what_does_not_show_is_an_escape(text, shown):
    assert for_terminal(text) == shown


def test_the_columns_of_a_terminal_are_those_that_letters_take():
    assert [terminal_columns(text) for text in ("abc", "長い", "e\u0301", "")] == [3, 4, 1, 0]


def block(text: str) -> list[Block]:
    """Return a block with a text at every place that holds one."""
    return [Block(f"key={text}", ("width", "pairs", "error at ends", text), ((text, "1/1", "0.1000", (Value(0.5, 0.1, True),)),))]


@given(ANY)
def test_a_table_on_a_terminal_has_its_lines_and_no_more(text):
    lines = pivot_text(block(text)).split("\n")
    assert len(lines) == 3
    assert all(map(shows, lines))
    assert len({terminal_columns(line) for line in lines[1:]}) == 1


@given(ANY)
@settings(deadline=None)
def test_a_table_in_markdown_has_its_cells_and_every_name_as_it_is(text):
    html = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").render(pivot_markdown(block(text)))
    root = ET.fromstring(f"<all>{html}</all>")
    assert len(root.findall(".//tr")) == 2
    assert {element.tag for element in root.iter()} == {"all", "p", "table", "thead", "tbody", "tr", "th", "td", "strong"}
    assert ["".join(cell.itertext()) for cell in root.findall(".//td")] == [visible(text).strip(), "1/1", "0.1000", "0.5000 ± 0.1000"]
    assert "$" not in for_markdown(text).replace(r"\$", "")  # a formula where they are rendered


@given(ANY)
def test_in_latex_no_letter_is_a_command_and_no_bracket_an_argument(text):
    shown = for_latex(text)
    bare = re.sub(r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}|\\[&%$#_{}]|\{\[\}|\{\*\}", "", shown)
    assert not set(bare) & set("\\&%$#_{}~^<>|[*")
    lines = pivot_latex(block(text)).split("\n")
    assert [line.partition("{")[0] for line in lines[:4]] == [r"\begin", r"\centering", r"\caption", r"\label"]
    assert lines[2].endswith(f" {for_latex(MEANING)}}}")
    assert lines[9:] == [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    assert all(line.count(" & ") >= 3 for line in (lines[6], lines[8]))


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def page_with(text):
    return page("title", "lead", [], [Section("a", "b", [Text(text), Text(text, "code")])])


@pytest.fixture(scope="module")
def plain_tags():
    reader = Reader()
    reader.feed(page_with("x"))
    return reader.tags


@given(ANY)
@settings(deadline=None, max_examples=30)
@example(LINK)
@example("\ud800")
def test_on_a_page_text_is_text(plain_tags, text):
    reader, html = Reader(), page_with(text)
    html.encode()
    assert shows(html, "\n\t")
    reader.feed(html)
    assert reader.tags == plain_tags
    assert for_html(text) in "".join(reader.text)


@given(ANY)
def test_from_figures_text_comes_back_as_it_shows(text):
    assert from_figure(for_figure(text)) == visible(text).removeprefix(" ") or visible(text).startswith(" ")
    assert not matplotlib.cbook.is_math_text(for_figure(text))
    assert not for_figure(text).startswith("_")


def test_a_figure_draws_any_text_in_every_format_and_names_it_in_its_legend_and_on_hover(tmp_path):
    figure = Figure()
    for ax, text in zip(figure.subplots(8, 8).flat, HOSTILE, strict=False):
        ax.plot([1.0], [2.0], "o", label=for_figure(text))
        ax.set(xlabel=for_figure(text), title=for_figure(text), xticks=[], yticks=[])
        ax.legend(loc="center")
        assert len(ax.get_legend_handles_labels()[1]) == 1, text
    (whole,) = hover_svg(figure, figure_svg, "f").panels
    root = ET.fromstring(whole.svg)
    tips = [element.get(TIP) for element in root.iter() if element.get(TIP)]
    assert [tip.partition("\n")[0].strip() for tip in tips] == [visible(text).strip() for text in HOSTILE]
    for name in ("f.png", "f.pdf"):
        save_figure(figure, tmp_path / name)


@given(ANY)
def test_in_a_csv_no_text_is_a_formula_and_all_comes_back(text):
    field = for_csv(text)
    assert not re.match(r"\s*[=+\-@＝＋－＠]|[\t\r\n]", field) or field == "-" or re.fullmatch(r"[+-][\d.eE+-]+", field, re.ASCII)
    assert shows(field, "\n\r\t")
    assert re.sub(f"^'(?={FORMULA.pattern})", "", field) == visible(text, "\n\r\t")  # as docs/columns.md has it


@pytest.mark.parametrize("text", [text for text in HOSTILE if text and shows(text, "\n\r\t")])
def test_pandas_reads_back_every_text_that_shows_and_numbers_stay_numbers(tmp_path, text):
    frame = pd.DataFrame({"text": pd.Series([text, "x"], dtype=object), "key": pd.Series([-0.5, "x"], dtype=object), "number": [-1.5, 2.0]})
    write_frame(frame, tmp_path / "t.csv")
    read = pd.read_csv(tmp_path / "t.csv", keep_default_na=False)
    assert read["text"].astype(str).str.replace(f"^'(?={FORMULA.pattern})", "", regex=True).tolist() == [text, "x"]
    assert read["number"].tolist() == [-1.5, 2.0]
    assert read["key"].tolist() == ["-0.5", "x"]


@pytest.mark.parametrize(
    ("value", "field"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("+x", "'+x"), ("-x", "'-x"), ("\tx", "'\tx"), ("'=1", "''=1"), ("-", "-"), ("-0.5", "-0.5"),
     ("+1e-3", "+1e-3"), ("a=b", "a=b"), ("'x", "'x"), (" =1", "' =1"), ("-1-1", "'-1-1")],
)  # fmt: skip
def test_formulas_get_an_apostrophe_and_numbers_none(value, field):
    assert for_csv(value) == field


def hostile_sweep(write_sweep, text: str):
    """Return a sweep in which a text stands wherever a file can have one: values and names of keys, methods, notes, sentences, jobs."""
    keys = [{"seed": seed, "width": width, text: value} for seed in (0, 1) for width in (8, 16) for value in (text, "plain")]
    records = [make_record(f"r{k}", **key) for k, key in enumerate([*keys, keys[0] | {"seed": 9}])]
    for record in records:
        record["notes"] = [text]
        for entry in (*record["matching"], *record["runs"], *record["curves"], *record["layers"]):
            entry["matching"] = text if entry["matching"] == "weights" else entry["matching"]
    records[0] |= {"status": "diverged", "sentence": text}
    return write_sweep(records[:-1], [expect(record, text) for record in records])


EVERYTHING = f"=_{CLIPBOARD}{CLEAR}{LINK}\x00\n\r\x9b\u202e\ufeff\u2028\ufffe[red]$\\frac{{1$ _^ $\"'&"


def test_a_hostile_sweep_has_all_its_tables_and_figures_and_nothing_raw(write_sweep):
    folder = hostile_sweep(write_sweep, EVERYTHING)
    report = write_report([folder], only=TABLES)
    sweep = find_sweep(folder)
    write_page(sweep, sweep_frames(sweep), [folder], report.folder, files=False)  # with all the figures
    html = (report.folder / "report.html").read_text("utf-8")
    for name in ("barrier_vs_width", "interpolation_curves", "heat_map", "matching_cost"):
        assert f'id="{name}"' in html, name
    for stream in (io.StringIO(), Terminal()):
        show(report, stream)
        printed = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())  # colours of our own
        assert shows(printed, "\n")
    for path in report.folder.iterdir():
        if path.suffix in (".md", ".tex", ".html"):
            assert shows(path.read_text("utf-8"), "\n\t"), path.name
        if path.suffix == ".csv":
            content = path.read_bytes().decode("utf-8")
            assert shows(content, "\n\r\t"), path.name
            fields = pd.read_csv(path, dtype=str, keep_default_na=False)
            for value in [*fields.columns, *fields.to_numpy().ravel()]:
                assert not str(value).startswith(("=", "@", "+")), path.name


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_what_a_stream_cannot_encode_is_an_escape_and_no_traceback(tmp_path):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    report = Report(tmp_path, ("runs",), "mean ± half", (), "1 of 1 jobs found.", (), ("note: 長",))
    show(report, stream)
    assert b"mean +/- half" in raw.getvalue()
    assert rb"note: \u9577" in raw.getvalue()
