"""What is typed of a figure for a paper, and what is said of what cannot be."""

import importlib.util
import sys

import pytest
from tueplots import bundles

from multirun_analysis.checks import InputError
from multirun_analysis.report.paper_options import check_size, read_selected, read_size, style_settings, style_size


@pytest.mark.parametrize(
    ("text", "size"), [("3.25x2.4", (3.25, 2.4)), ("25.4x50.8mm", (1.0, 2.0)), (" 2.54X5.08CM ", (1.0, 2.0)), ("1x.5in", (1.0, 0.5))]
)
def test_a_size_is_in_inches_or_says_in_what(text, size):
    assert read_size(text) == pytest.approx(size)


@pytest.mark.parametrize("text", ["", "3", "3x", "x2", "3x2x1", "-3x2", "3x0", "nanx2", "infx2", "3pt x 2pt", "1e400x2", "٣x٢", "3x2000"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InputError, match="`--size` must be WIDTHxHEIGHT"):
        read_size(text)


def test_values_of_keys_are_several_and_those_of_a_key_that_comes_again_are_added():
    texts = ["depth=1,2", "matching=weights[biases=true,centred=true],identity", "depth=3"]
    assert read_selected(texts) == {"depth": ["1", "2", "3"], "matching": ["weights[biases=true,centred=true]", "identity"]}
    for text in ("depth", "=1", "depth=", ""):
        with pytest.raises(InputError, match="`--select` must be KEY=VALUE"):
            read_selected([text])


def test_the_later_style_counts_and_letters_are_never_set_by_latex(tmp_path):
    style = tmp_path / "my.mplstyle"
    style.write_text("font.size: 5\ntext.usetex: True\nfigure.figsize: 2, 1\n")
    settings = style_settings(["ggplot", str(style)])
    assert (settings["font.size"], settings["text.usetex"]) == (5.0, False)
    assert settings["axes.facecolor"] == "#E5E5E5"  # ggplot's
    assert style_settings([str(style), "ggplot"])["font.size"] == 10.0
    assert "figure.figsize" not in settings  # it is the figure's own
    assert style_size(["ggplot", str(style)]) == (2.0, 1.0)
    assert style_size(["ggplot"]) is None


@pytest.mark.parametrize("name", [name for name in dir(bundles) if name[-4:].isdigit()])
def test_every_bundle_of_tueplots_is_a_style(name):
    settings = style_settings([f"tueplots.{name}"])
    assert settings["text.usetex"] is False
    assert not any(key.startswith("savefig") for key in settings)


def test_a_bundle_of_tueplots_has_its_size_and_letters():
    width, height = style_size(["tueplots.icml2022"])
    assert 3.2 < width < 3.3
    assert 1 < height < 3
    assert style_settings(["tueplots.icml2022"])["font.size"] == 8


@pytest.mark.parametrize(
    ("style", "sentence"),
    [
        ("ggplott", "Did you mean 'ggplot'?"),
        ("tueplots.icml2020", "`--style` tueplots.NAME must be one of .*icml2022"),
        ("none.mplstyle", "must be a file, tueplots.NAME, or one of"),
    ],
)
def test_a_style_that_is_none_is_refused(style, sentence):
    with pytest.raises(InputError, match=sentence):
        style_settings([style])


def test_a_file_that_is_no_style_is_refused(tmp_path):
    for contents in (b"\xff\xfe\x00", b"Dear diary\n", b""):
        (tmp_path / "none.mplstyle").write_bytes(contents)
        with pytest.raises(InputError, match="cannot be read as a style of matplotlib"):
            style_settings([str(tmp_path / "none.mplstyle")])


def test_a_style_does_not_choose_what_draws(tmp_path):
    (tmp_path / "my.mplstyle").write_text("backend: agg\nfont.size: 6\n")
    assert style_settings([str(tmp_path / "my.mplstyle")]) == {"font.size": 6.0, "text.usetex": False}


@pytest.mark.parametrize("size", [(0, 0), (3, 1e9), (float("nan"), 2)])
def test_a_size_that_cannot_be_printed_is_refused(size):
    with pytest.raises(InputError, match="a figure must be 0.5 to 60 inches wide and high"):
        check_size(size)


def test_a_bundle_without_tueplots_says_what_to_install(monkeypatch):
    assert importlib.util.find_spec("tueplots")  # the test environment has it
    monkeypatch.setitem(sys.modules, "tueplots", None)
    with pytest.raises(InputError, match="needs the package tueplots: pip install tueplots"):
        style_settings(["tueplots.icml2022"])
