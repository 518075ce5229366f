"""How often the intervals hold the true value: simulations with known truth, for the defaults, for what they replace, and for rivals."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.coverage_over_examples import two_way_rows
from benchmarks.coverage_over_widths import needed_rows, slope_rows
from benchmarks.interval_candidates import cox, cox_t, cut_t, delta_t, generalised
from multirun_analysis.stats.intervals import network_jackknife, student_t
from multirun_analysis.stats.lognormal import geometric_mean_t
from multirun_analysis.stats.positive import log_jackknife, log_t_of_rows
from multirun_analysis.stats.resampling import bootstrap_mean

TRIES, RESAMPLED = 4000, 500  # simulations; a bootstrap takes a hundred times as long as what is not resampled
MANY, FEW = 20_000, 1000  # of intervals that a whole table has at once, and of the one by quadrature
Draw = Callable[[np.random.Generator, Any], Any]
Ends = tuple[float, float]
EFFECTS: dict[str, Draw] = {  # with mean 0
    "gaussian": lambda rng, n: rng.normal(size=n),
    "exponential": lambda rng, n: rng.exponential(size=n) - 1,
    "lognormal": lambda rng, n: rng.lognormal(size=n) - np.exp(0.5),
}
# with mean 1, and the standard deviation of their logs where they are lognormal
POSITIVE: dict[str, tuple[Draw, float]] = {
    "lognormal, log sd 0.5": (lambda rng, n: rng.lognormal(-0.125, 0.5, n), 0.5),
    "lognormal, log sd 0.8": (lambda rng, n: rng.lognormal(-0.32, 0.8, n), 0.8),
    "lognormal, log sd 1.2": (lambda rng, n: rng.lognormal(-0.72, 1.2, n), 1.2),
    "gaussian, CV 0.2": (lambda rng, n: np.maximum(rng.normal(1, 0.2, n), 1e-9), np.nan),
    "gaussian, CV 0.3": (lambda rng, n: np.maximum(rng.normal(1, 0.3, n), 1e-9), np.nan),
    "uniform from 0": (lambda rng, n: rng.uniform(0, 2, n), np.nan),
    "exponential": (lambda rng, n: rng.exponential(size=n), np.nan),
}
REQUIRED = tuple(POSITIVE)[:2] + tuple(POSITIVE)[3:5]  # on which the default was chosen
CANDIDATES: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "log-scale t (default)": lambda table: log_t_of_rows(table)[:2], "Student's t, cut at 0": cut_t, "delta method on the log": delta_t,
    "Cox, normal quantile": cox, "Cox, t quantile": cox_t, "generalised (Krishnamoorthy and Mathew)": generalised,
}  # fmt: skip
NETWORKS = ((0.35, 0.18), (0.57, 0.28), (0.35, 0.7))  # log sd of the networks' effects, and of the pairs' own


def coverage() -> pd.DataFrame:
    """Share of simulated intervals at 95 % that hold the true value, and their widths in its units; standard error 0.3 to 1 points."""
    rows = []
    for name, effects in EFFECTS.items():
        for n in (4, 8, 16, 20, 40):
            ends = _tried(partial(_pairs, effects, n, student_t))
            rows.append(_row(name, "independent pairs", n, "Student's t (default of signed measures)", ends))
        for n in (8, 20, 40):
            for kind in ("bootstrap", "bca"):
                interval = partial(bootstrap_mean, kind=kind, level=0.95, resamples=999, seed=0)
                rows.append(_row(name, "independent pairs", n, kind, _tried(partial(_pairs, effects, n, interval), RESAMPLED)))
        for k in (4, 8, 16):
            for method, naive in (
                ("delete-one-network jackknife (default of signed measures)", False),
                ("Student's t over pairs (naive)", True),
            ):
                rows.append(_row(name, "all pairs of networks", k, method, _tried(partial(_networks, effects, k, naive), TRIES // 2)))
    return pd.DataFrame([*rows, *_positive_rows(), *_network_rows(), *slope_rows(), *needed_rows(), *two_way_rows()])


def _positive_rows() -> list[dict[str, Any]]:
    """Return the rows of positive values: every candidate for their mean, and the geometric mean; and of clipped noise."""
    rows = []
    for name, (draw, sigma) in POSITIVE.items():
        for n in (3, 4, 10, 20):
            table = draw(np.random.default_rng(0), (MANY, n))
            for method, interval in CANDIDATES.items():
                if interval is not generalised or (n in (4, 10) and name in REQUIRED):
                    some = table[:FEW] if interval is generalised else table
                    rows.append(_row(name, "independent pairs, mean", n, method, interval(some), 1.0))
            if not np.isnan(sigma):
                of_logs, median = np.array([geometric_mean_t(values) for values in table[:TRIES]]).T, float(np.exp(-(sigma**2) / 2))
                rows.append(_row(name, "independent pairs, geometric mean", n, "Student's t on logs", of_logs, median))
    for n in (3, 4, 10, 20):
        table = np.maximum(np.random.default_rng(0).normal(size=(MANY, n)), 0)
        table = table[(table == 0).any(axis=1) & (table > 0).any(axis=1)]
        for method in ("log-scale t (default)", "Student's t, cut at 0"):
            ends = CANDIDATES[method](table)
            rows.append(_row("gaussian noise clipped at 0", "cells with a zero, mean", n, method, ends, float(1 / np.sqrt(2 * np.pi))))
    return rows


def _network_rows() -> list[dict[str, Any]]:
    """Return the rows of all pairs of networks whose effects multiply."""
    rows = []
    for sigma, noise in NETWORKS:
        for k in (4, 8, 16):
            for method, jackknife in (("log-scale jackknife (default)", log_jackknife), ("jackknife, not on logs", network_jackknife)):
                ends, truth = _tried(partial(_multiplied, sigma, noise, k, jackknife), TRIES // 2), float(np.exp(sigma**2 + noise**2 / 2))
                rows.append(_row(f"multiplied, log sd {sigma} and {noise}", "all pairs of networks", k, method, ends, truth))
    return rows


def _tried(interval: Callable[[np.random.Generator], Ends], tries: int = TRIES) -> Any:
    """Return the ends of an interval over simulations, shape (2, tries)."""
    rng = np.random.default_rng(0)
    return np.array([interval(rng) for _ in range(tries)]).T


def _row(effects: str, design: str, n: int, method: str, ends: Any, truth: float = 0.0) -> dict[str, Any]:
    """Return the coverage of intervals over simulations, and their width: the mean and the median, in units of the truth if it is not 0."""
    widths = (ends[1] - ends[0]) / (truth or 1.0)
    held = np.mean((ends[0] <= truth) & (truth <= ends[1]))
    key = {"effects": effects, "design": design, "n": n, "interval": method}
    return key | {"coverage": float(held), "mean_width": float(widths.mean()), "median_width": float(np.median(widths))}


def _pairs(draw: Draw, n: int, interval: Callable[[np.ndarray], Ends], rng: np.random.Generator) -> Ends:
    """Return the interval of n independent values."""
    return interval(draw(rng, n))


def _networks(effects: Draw, k: int, naive: bool, rng: np.random.Generator) -> Ends:
    """Return the interval over all pairs of k networks: a pair's value is the sum of its networks' effects and half as much noise."""
    a, b = np.triu_indices(k, 1)
    network_effects = effects(rng, k)
    values = network_effects[a] + network_effects[b] + 0.5 * rng.normal(size=len(a))
    return student_t(values) if naive else network_jackknife(values, a, b)


def _multiplied(sigma: float, noise: float, k: int, jackknife: Callable[..., Any], rng: np.random.Generator) -> Ends:
    """Return the interval over all pairs of k networks: a pair's value is the product of its networks' effects and of noise."""
    a, b = np.triu_indices(k, 1)
    logs = sigma * rng.normal(size=k)
    low, high, *_ = jackknife(np.exp(logs[a] + logs[b] + noise * rng.normal(size=len(a))), a, b)
    return low, high
