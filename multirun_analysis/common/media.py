r"""Text from files and keys as each medium takes it: all of it visible, nothing in it a command, markup or a formula.

Whatever a person reads goes through the function of its medium, at the place where it is written and nowhere else.
"""

import re
import unicodedata

LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after the end of a row, a bracket or a star would be an argument of that end
    "*": "{*}",
}
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|&~$:@])")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
FORMULA = re.compile(r"'*([\t\r\n]|\s*[=+\-@＝＋－＠])")  # what a spreadsheet computes, or would after the apostrophes of `for_csv`
ABSENT = "-"  # stands for a key that a job does not have, and is no formula


def visible(text: object, keep: str = "") -> str:
    r"""Return text in which every letter shows: control letters, changes of direction, halves of letters, ... as ``\x1b`` or ``\u202e``.

    Spaces of all kinds stay, and the letters of `keep`.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(letter if letter in keep or _shows(letter) else letter.encode("unicode_escape").decode() for letter in shown)


def _shows(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def for_terminal(text: object, keep: str = "") -> str:
    """Return text for a terminal or a log: no escape sequence reaches it. Lines of our own making keep their breaks by `keep`."""
    return visible(text, keep)


def terminal_columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a letter of East Asia, none for an accent that is put upon another."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.category(letter) in ("Mn", "Me") for letter in text)


def for_markdown(text: object) -> str:
    """Return text in which nothing is taken for Markdown, HTML, a formula or a link."""
    return MARKDOWN.sub(r"\\\1", visible(text))


def for_latex(text: object) -> str:
    """Return text in which nothing is taken for a command of LaTeX."""
    return "".join(LATEX.get(letter, letter) for letter in visible(text))


def for_html(text: object) -> str:
    """Return text for a page; what would be markup is escaped by the page's templates."""
    return visible(text, keep="\n\t")


def for_figure(text: object, most: int | None = None) -> str:
    """Return text for a figure: no dollar begins a formula, and no underscore at its beginning hides it from the legend.

    Of a text of more than `most` letters the middle is left out, for nothing else would have room beside it.
    """
    shown = visible(text)
    if most is not None and len(shown) > most:
        shown = f"{shown[: most - most // 3 - 1]}…{shown[-(most // 3) :]}"
    shown = shown.replace("$", r"\$")
    return f" {shown}" if not shown or shown.startswith("_") else shown


def from_figure(text: str) -> str:
    """Return what `for_figure` was given, as it shows."""
    return text.replace(r"\$", "$").removeprefix(" ")


def for_csv(text: object) -> str:
    """Return text for a field of a CSV: what a spreadsheet would take for a formula has an apostrophe before it.

    Numbers that are text have none, nor has the mark of an absent key. The apostrophe comes off again, and nothing else, where it is taken
    off whatever `FORMULA` matches.
    """
    shown = visible(text, keep="\n\r\t")
    is_formula = FORMULA.match(shown) and shown != ABSENT and not NUMBER.fullmatch(shown)
    return f"'{shown}" if is_formula else shown
