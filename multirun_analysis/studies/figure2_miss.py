"""`figure2_miss`: what moves the loss at the midpoint at learning rate 0.1, where figure 2 is missed, and how far towards the paper."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.special import stdtr, stdtrit  # scipy.stats takes a second to import

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.style import STUDY_FONT, drawable, figure_style, method_look, panel_title
from multirun_analysis.stats.interval_choice import LEVEL
from multirun_analysis.stats.intervals import student_t
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.paper_values import LEARNING_RATES, MIDPOINTS, Value
from multirun_analysis.studies.rows import measured

RATE, PAPER_PAIRS = LEARNING_RATES[-1], 4
RECIPE = {
    "training.data_order": "own", "precision": "float32", "training.warmup_steps": 10, "training.warmup_lr": 1e-6, "training.epochs": 50,
    "training.batch_size": 500, "optimizer.momentum": 0.9, "model.initialisation": "lecun",
}  # fmt: skip
AS_PUBLISHED = {
    "weights": {"biases": "false", "outgoing": "false"},
    "covariance": {"biases": "false", "centred": "false"},
    "activations": {"centred": "true", "correlation": "false"},
}
IN_PLACE_OF = {"rebasin": "weights"}  # what the notebook has too, and might have drawn under the other's name
BASE = "base"


def miss(frames: Frames) -> pd.DataFrame:
    """Return what each candidate makes of the loss at the midpoint, and what of the gap to the paper it closes: a row per method.

    A candidate is another recipe, other settings of a method, or the other split, one at a time; the base has none of these. Differences
    are over the seeds that both have. Columns are those of `compared`, `from_paper` and `luck`.
    """
    runs = measured(frames["runs"])
    cells = [(candidate, method, cell) for (candidate, method), cell in _cells(runs).items() if method in MIDPOINTS]
    base = {method: cell for candidate, method, cell in cells if candidate == BASE}
    rows = []
    for candidate, method, cell in cells:
        if method in base:
            paper = MIDPOINTS[method][RATE]
            words: dict[str, object] = {"candidate": candidate, "matching": method}
            rows.append({**words, **compared(cell, base[method], paper), **from_paper(cell, paper), **luck(cell, paper)})
    return pd.DataFrame(rows).sort_values("candidate", key=lambda column: column != BASE, kind="stable", ignore_index=True)


def _cells(runs: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """Return the losses at the midpoint by seed, of every candidate and method; one kind of change at a time."""
    keys = [key for key in RECIPE if key in runs]
    cells = {}
    for values, cell in runs.groupby([*keys, "split", "matching"], sort=False):
        *recipe, split, label = values
        method, settings = _method(str(label))
        trained = [f"{key}={value}" for key, value in zip(keys, recipe, strict=True) if value != RECIPE[key]]
        kinds = [kind for kind in (trained, [f"split={split}"] * (split != "test"), settings) if kind]
        if len(kinds) > 1:
            continue
        changes = kinds[0] if kinds else []
        losses = cell.set_index("seed")["loss_midpoint"]
        if losses.index.has_duplicates:
            raise ValueError(f"several pairs of one seed are {', '.join(changes) or BASE}, {label}")
        cells[", ".join(changes) or BASE, method] = losses
    return cells


def _method(label: str) -> tuple[str, list[str]]:
    """Return the method in whose place a label stands, and the settings in which it is not as published.

    >>> _method("weights[biases=true, outgoing=false]")
    ('weights', ['biases=true'])
    """
    name, _, inside = label.rstrip("]").partition("[")
    if name in IN_PLACE_OF:
        return IN_PLACE_OF[name], [label]
    settings = dict(part.split("=") for part in inside.split(", ")) if inside else {}
    published = AS_PUBLISHED.get(name, {})
    return name, [f"{key}={value}" for key, value in settings.items() if published.get(key, value) != value]


def compared(losses: pd.Series, base: pd.Series, paper: Value) -> dict[str, float]:
    r"""Return the mean loss of a candidate, its difference from the base on the same seeds, and the share of the gap that it closes.

    .. math:: \bar d = \tfrac1n \sum_s (L_s - L^0_s), \qquad \text{closes} = -\bar d / (\bar L^0 - L^\text{paper})

    Parameters
    ----------
    losses, base : Series
        By seed; the base's mean is over the seeds that both have.
    paper : Value

    Returns
    -------
    dict of str to float
        ``n_pairs``, ``mean``, ``std``; ``n_shared``, the number of seeds in common; ``difference`` with Student's interval over them, and
        ``closes`` with that interval's ends. NaN where too few seeds are common.
    """
    both = pd.concat({"new": losses, "base": base}, axis=1).dropna()
    difference = (both["new"] - both["base"]).to_numpy()
    low, high = student_t(difference)
    mean = float(difference.mean()) if len(both) else math.nan
    gap = float(both["base"].mean()) - paper.mean
    return {
        "n_pairs": len(losses), "mean": losses.mean(), "std": losses.std(), "n_shared": len(both), "difference": mean, "ci_low": low,
        "ci_high": high, "closes": (0.0 - mean) / gap, "closes_low": (0.0 - high) / gap, "closes_high": (0.0 - low) / gap,
    }  # fmt: skip


def from_paper(losses: pd.Series, paper: Value) -> dict[str, float]:
    r"""Return how far the mean lies above the paper's, with Welch's interval: the spread of the paper's four pairs counts too.

    .. math:: \bar L - L^\text{paper} \pm t_\nu \Big(\frac{s^2}{n} + \frac{s_\text{paper}^2}{4}\Big)^{1/2}

    The paper's standard deviation is the population's; here it is divided by n - 1.

    References
    ----------
    Welch 1947.
    """
    n, gap = len(losses), losses.mean() - paper.mean
    parts = np.array([losses.var() / n, paper.std**2 / (PAPER_PAIRS - 1)])
    freedom = parts.sum() ** 2 / (parts**2 / [max(n - 1, 1), PAPER_PAIRS - 1]).sum()
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * math.sqrt(parts.sum())
    return {"paper": paper.mean, "gap": gap, "gap_low": gap - half, "gap_high": gap + half}


def luck(losses: pd.Series, paper: Value) -> dict[str, float]:
    r"""Return how likely four pairs have a mean as low as the paper's, if pairs are those of a candidate.

    ``luck_subsets`` is the share of all subsets of four of the n pairs; ``luck_t`` the chance that four new ones do, if losses are normal:

    .. math:: T_{n-1}\!\left(\frac{L^\text{paper} - \bar L}{s \sqrt{1/4 + 1/n}}\right)

    NaN for fewer than four pairs.
    """
    values, n = losses.to_numpy(), len(losses)
    if n < PAPER_PAIRS:
        return {"luck_subsets": math.nan, "luck_t": math.nan}
    means = np.array([np.mean(some) for some in combinations(values, PAPER_PAIRS)])
    t = (paper.mean - values.mean()) / (values.std(ddof=1) * math.sqrt(1 / PAPER_PAIRS + 1 / n))
    return {"luck_subsets": float((means <= paper.mean).mean()), "luck_t": float(stdtr(n - 1, t))}


def differences(frames: Frames) -> Figure:
    """Draw by method how far each candidate moves the loss at the midpoint, with its interval, and how far it is to the paper's value."""
    table = miss(frames)
    candidates = list(dict.fromkeys(table["candidate"]))
    with figure_style():
        figure = Figure(figsize=(10.2, 1.6 + 0.24 * len(candidates)), layout="constrained")
        axes = figure.subplots(1, len(MIDPOINTS), sharey=True)
        for ax, (method, entries) in zip(axes, table.groupby("matching", sort=False), strict=True):
            colour, marker = method_look(str(method), list(MIDPOINTS))
            at = [candidates.index(candidate) for candidate in entries["candidate"]]
            ax.hlines(at, drawable(entries["ci_low"]), drawable(entries["ci_high"]), color=colour, linewidth=1.6, alpha=0.7)
            ax.plot(drawable(entries["difference"]), at, marker, color=colour, markersize=5, linestyle="none")
            ax.axvline(0, color="black", linewidth=0.8)
            to_paper = -entries.loc[entries["candidate"] == BASE, "gap"].iloc[0]
            ax.axvline(to_paper, color="black", linestyle=":", label="the paper's mean")
            panel_title(ax, str(method), STUDY_FONT)
            ax.xaxis.set_major_locator(MaxNLocator(4))  # its labels are long
            ax.set_xlabel("change of the loss at the midpoint [nats]")
        axes[0].set_yticks(range(len(candidates)), [for_figure(candidate) for candidate in candidates])
        axes[0].invert_yaxis()
        title = "point: mean difference from base on the same seeds; bar: Student's t, 95 %"
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", title=title)
    return figure


STUDY = Study(
    may=tuple(RECIPE),
    methods=("identity", *AS_PUBLISHED),
    among={"depth": (3,), "optimizer.lr": (RATE,)},
    dataset="mnist",
    tables={"miss": miss},
    figures={"differences": differences},
)
