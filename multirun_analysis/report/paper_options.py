"""What is typed of a figure for a paper: its size, its styles, and the values that keys may have."""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
from matplotlib import style as matplotlib_styles

from multirun_analysis.checks import InputError, nearest, user_path

LEAST_SIZE, MOST_SIZE = 0.5, 60.0  # inches
INCHES = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4}
BUNDLES = "tueplots."
# Settings of matplotlib that are no looks, which a style must not leave behind in a notebook.
OF_PROGRAMS = ("backend", "interactive", "toolbar", "timezone", "webagg.", "tk.", "macosx.", "keymap.", "savefig.", "figure.max_open")
_LIBRARY: Mapping[str, Any] = matplotlib_styles.library  # by name


def style_settings(styles: Iterable[str]) -> dict[str, Any]:
    """Return what styles set, the later over the earlier ones.

    Raises
    ------
    InputError
        If there is no such style.
    """
    settings = _all_settings(styles)
    settings = {key: value for key, value in settings.items() if key != "figure.figsize" and not key.startswith(OF_PROGRAMS)}
    return settings | {"text.usetex": False}  # names of methods and keys are no TeX


def style_size(styles: Iterable[str]) -> tuple[float, float] | None:
    """Return the size in inches that styles set, the last one that does; None if none does."""
    size = _all_settings(styles).get("figure.figsize")
    return None if size is None else (float(size[0]), float(size[1]))


def _all_settings(styles: Iterable[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for style in styles:
        settings |= _bundle(style.removeprefix(BUNDLES)) if style.startswith(BUNDLES) else _matplotlib_style(style)
    return settings


def _bundle(name: str) -> dict[str, Any]:
    try:
        from tueplots import bundles
    except ImportError:
        raise InputError(f"`--style` {BUNDLES}{name} needs the package tueplots: pip install tueplots.") from None
    names = [each for each in dir(bundles) if re.search(r"\d{4}$", each)]
    if name not in names:
        raise InputError(f"`--style` {BUNDLES}NAME must be one of {', '.join(names)}, got {name!r}.{nearest(name, names)}")
    bundle = getattr(bundles, name)
    usetex = {"usetex": False} if "usetex" in inspect.signature(bundle).parameters else {}
    settings: dict[str, Any] = bundle(**usetex)
    return settings


def _matplotlib_style(name: str) -> dict[str, Any]:
    if name in _LIBRARY:
        return {**_LIBRARY[name]}
    path = user_path("--style", name)
    if path.is_file():
        try:
            settings: Any = mpl.rc_params_from_file(path, use_default_template=False)
            if not settings:
                raise ValueError("it sets nothing")
            return dict(settings)
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise InputError(f"`--style` {name!r} cannot be read as a style of matplotlib: {error}.") from error
    styles = sorted(each for each in _LIBRARY if not each.startswith("_"))
    raise InputError(f"`--style` must be a file, tueplots.NAME, or one of {', '.join(styles)}, got {name!r}.{nearest(name, styles)}")


def read_size(text: str) -> tuple[float, float]:
    """Return width and height in inches from ``3.25x2.4``, or from centimetres or millimetres: ``82x60mm``.

    Raises
    ------
    InputError
        If it is no such text, or no size that could be printed.
    """
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)x(\d+\.?\d*|\.\d+)(in|cm|mm)?", text.strip().lower(), re.ASCII)
    scale = 1.0 if match is None else INCHES[match[3] or "in"]
    size = (0.0, 0.0) if match is None else (float(match[1]) * scale, float(match[2]) * scale)
    if not all(LEAST_SIZE <= side <= MOST_SIZE for side in size):
        raise InputError(f"`--size` must be WIDTHxHEIGHT in inches, such as 3.25x2.4, or with mm or cm behind it, got {text!r}.")
    return size


def two_sides(size: Any) -> tuple[float, float]:
    """Return a width and a height as they are, or raise `InputError` if they are none."""
    if not (isinstance(size, list | tuple) and len(size) == 2 and all(isinstance(side, int | float) for side in size)):
        raise InputError(f"`size` must be a width and a height in inches, such as (3.25, 2.4), got {size!r}.")
    return float(size[0]), float(size[1])


def check_size(size: tuple[float, float]) -> None:
    """Raise `InputError` unless a size in inches can be printed."""
    if not all(LEAST_SIZE <= side <= MOST_SIZE for side in size):
        raise InputError(f"a figure must be {LEAST_SIZE:g} to {MOST_SIZE:g} inches wide and high, got {size[0]:g} x {size[1]:g}.")


def read_selected(texts: Iterable[str]) -> dict[str, list[str]]:
    """Return the values that keys may have from ``depth=1,2``.

    Raises
    ------
    InputError
        If one is no such text.
    """
    selected: dict[str, list[str]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not (key and equals and values):
            raise InputError(f"`--select` must be KEY=VALUE or KEY=VALUE,VALUE, got {text!r}.")
        selected.setdefault(key, []).extend(re.split(r",(?![^\[]*\])", values))  # weights[biases=true,centred=true] is one
    return selected
