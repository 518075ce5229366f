"""Numbers of ``docs/theory.md``: those of studies from their tables, derived ones computed, simulated ones simulated."""

import math

import numpy as np
import page_depth_mnist
import page_findings
import page_gaussian_init
import page_gaussian_init_depth
import page_mean_field
import page_paper_figure2
import pandas as pd
from claims import GIVEN, Claim, Near, Page, Tables, Value
from depth_mnist_mechanism import certificates as of_depth_mnist
from scipy import stats
from scipy.optimize import brentq, linear_sum_assignment
from scipy.spatial.distance import cdist

INPUTS = 784
POWER, DIRECTIONS, WIDTHS = 2, 50, (32, 64, 128, 256)
MATCHED = ("weights", "covariance", "activations")


def entropy_power(table: Tables) -> list[Value]:
    """Return the variance of the Gaussian law that has the entropy of the uniform one, over the uniform one's."""
    uniform = stats.uniform()
    share = math.exp(2 * uniform.entropy()) / (2 * math.pi * math.e) / uniform.var()
    assert math.isclose(share, 6 / (math.pi * math.e))
    return [6, share]


def effective(table: Tables) -> list[Value]:
    """Return the effective dimension of samples of isotropic rows, the water level found by bisection."""
    rng, dimensions = np.random.default_rng(0), []
    for width in (64, 512):
        rows = rng.standard_normal((width, INPUTS))
        spectrum = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)[:-1] ** 2 / width
        log_level = brentq(lambda x, s=spectrum, m=width: np.maximum(0, np.log(s) - x).sum() / 2 - math.log(m), -50, 10)
        dimensions.append(np.minimum(1, spectrum / math.exp(log_level)).sum())
    return [INPUTS, dimensions[0], 64, dimensions[1], 512]


def powers(table: Tables) -> list[Value]:
    """Return the approximate dimension of variances that fall as a power, what it suggests, and the slope of simulated costs."""
    variances = np.arange(1.0, DIRECTIONS + 1) ** -POWER
    dimension = variances.sum() ** 2 / (variances**2).sum()
    rng, means = np.random.default_rng(0), []
    for width in WIDTHS:
        pairs = [rng.standard_normal((2, width, DIRECTIONS)) * np.sqrt(variances) for _ in range(4096 // width)]
        costs = [cdist(*pair, "sqeuclidean") for pair in pairs]
        means.append(np.mean([cost[linear_sum_assignment(cost)].mean() for cost in costs]))
    slope = np.polyfit(np.log(WIDTHS), np.log(means), 1)[0]
    return [POWER, DIRECTIONS, dimension, -2 / dimension, min(WIDTHS), max(WIDTHS), Near(float(slope), 0.04)]


def bar(table: Tables) -> list[Value]:
    bars = table("mean_field/acceptance")
    return [*(100 * bars["most"].unique()), *{int(widths.split()[0]) for widths in bars["widths"]}]


def mean_field(table: Tables) -> list[Value]:
    study = table.study("mean_field")
    _, first, narrow, last, wide = page_mean_field.whole_gap(study)
    above, *_, zero, _, _, _ = page_mean_field.midpoint(study)
    start, *variations = (page_mean_field.training(study)[k] for k in (0, 1, 4))
    assert max(variations) < 1
    return [first, last, narrow, wide, above, zero, GIVEN, start]


def incoming(table: Tables) -> list[Value]:
    study = table.study("mean_field")
    return [page_mean_field.neuron_size(study), *page_mean_field.incoming(study)[4:8]]


def gaussian(table: Tables) -> list[Value]:
    study = table.study("gaussian_init")
    assert page_gaussian_init.in_bands(study)
    assert page_gaussian_init.above_bound(study)
    dimensions = study("cost_slopes")["dataset.ambient_dimension"]
    return [dimensions.min(), dimensions.max()]


def deep(table: Tables) -> list[Value]:
    depth, minus_one, inputs, low, high = page_gaussian_init_depth.first_layer(table.study("gaussian_init_depth"))
    return [depth, low, high, minus_one, inputs]


def beside_recursion(table: Tables) -> list[Value]:
    study = table.study("gaussian_init_depth")
    assert page_gaussian_init_depth.plain_weights(study)
    return [2, page_gaussian_init_depth.beside_recursion(study)[3]]


def low_dimension(table: Tables) -> list[Value]:
    lines = table.study("low_dimension")("runs", "split == 'test'")
    assert (lines["error_barrier"] > 0).any()
    return [lines["loss_barrier"].max()]


def inputs_of_low_dimension(table: Tables) -> list[Value]:
    inputs = table.study("low_dimension").provenance()["settings"]["dataset.ambient_dimension"]
    return [inputs, GIVEN, inputs]


def depths(table: Tables) -> list[Value]:
    """Return the widths that depths 1, 2 and 4 need; at the first all are at most the narrowest of the grid, at the last two above it."""
    study = table.study("depth_mnist")
    needed = page_depth_mnist.needed(study)
    widths = sorted(study("runs")["width"].unique())
    assert all(needed.loc[(method, 1), "text"].startswith(f"<= {widths[0]}") for method in MATCHED)
    second = [needed.loc[(method, 2), "width_needed"] for method in MATCHED]
    assert all(needed.loc[(method, 4), "text"].startswith(f"> {widths[-1]}") for method in ("weights", "covariance"))
    fourth = needed.loc[("activations", 4), "width_needed"]
    return [page_depth_mnist.STABLE, widths[0], 1, min(second), max(second), 2, fourth, widths[-1], 4]


def last_step(table: Tables) -> list[Value]:
    study = table.study("depth_mnist")
    pairs, n_rises, *_ = page_depth_mnist.decided(study)
    assert (pairs, n_rises, study("runs")["width"].nunique()) == (4, 0, 3)  # in words on the page
    return page_depth_mnist.rises(study)[:3]


def certificates(table: Tables) -> list[Value]:
    """Check that no certificate of any study is violated, and return those of `mean_field`."""
    for page in table.folder.glob("*/README.md"):
        runs = table.study(page.parent.name)("runs")
        assert "violated" not in set(runs.get("certificate_status", pd.Series(dtype=str)))
    _, first, low, high = page_mean_field.certificates(table.study("mean_field"))
    return [low, high, first]


def of_chains(table: Tables) -> list[Value]:
    assert of_depth_mnist(table.study("depth_mnist"))  # all vacuous
    of_figure = page_paper_figure2.certificates(table.study("paper_figure2"))[-2:]
    return [*of_figure, *page_gaussian_init_depth.certificates(table.study("gaussian_init_depth"))[-2:]]


PAGE = Page(
    "docs/theory.md",
    "results",
    [
        Claim("the default initialisation, 6/(πe) = 0.70 times the column", entropy_power),
        Claim("for isotropic rows in 784 dimensions the column says 57 at m = 64 and 231 at m = 512", effective),
        Claim(
            """at a = 2 and 50 directions the approximate dimension is 2.4, which would give −0.82; two samples of 32 to 256 neurons come
            nearer with a slope of about −0.27""",
            powers,
        ),
        Claim("only if loss and movement vary by less than 20 % from 64 neurons on", bar),
        Claim(
            """the output gap falls from 0.31 to 0.0046 logits between 16 and 4,096 neurons, and the midpoint's loss from 0.029 nats above the
            ends to a value not told from 0; unmatched both stay where they are; movement and loss vary by less than 1 % from 64 neurons on""",
            mean_field,
        ),
        Claim(
            "6 numbers per neuron; matching by incoming weights alone falls more slowly: 0.050 logits at 1,024, 0.037 at 4,096", incoming
        ),
        Claim("slopes of the cost for Gaussian weights of 1 to 20 dimensions inside bands", gaussian),
        Claim("uniform weights fall faster at d = 3, 5 and 10;", lambda table: page_gaussian_init.steeper_uniform(table.study("gaussian_init"))),
        Claim("depth 1: the output gap relative to unmatched is 3 to 20 % above m^(−1/5)", deep),
        Claim(
            """from depth 2 on the recursion promises next to nothing; `weights` gets nothing from width, `covariance` and `activations` do
            better than the recursion from 64 neurons on""",
            beside_recursion,
        ),
        Claim(
            "weights on k dimensions of 50 are matched at k's rate, noise adds about its floor, 2η²(1 − k/50)", inputs_of_low_dimension
        ),
        Claim("the loss barrier at initialisation is 0, matched or not; the error barrier is not", low_dimension),
        Claim(
            """for a test error barrier of 0.02 grows with depth: 64 and less at depth 1, 115 to 134 at 2, 202 (`activations`) and above 512
            (`weights`, `covariance`) at 4""",
            depths,
        ),
        Claim("from 256 to 512 neurons no rise at depth 6 is decided", last_step),
        Claim("(rank correlation 0.77 [0.60, 0.94])", page_findings.of_figure_2),
        Claim(
            "the reverse for `covariance` and `activations`: −0.81, −0.79 |", lambda table: page_findings.of_rates(table)[::3]
        ),
        Claim("it is 13 to 74 times the gap and not vacuous for matched networks from 128 neurons on", certificates),
        Claim("nearly always: 9 to 92 times the gap in `paper_figure2`, 4 to 449 times in `gaussian_init_depth`", of_chains),
    ],
    names=[
        "AISTATS 2024 (arXiv:2310.19103)",
        "## 1. Matching is optimal transport",
        "(laws with a density, d ≥ 3;",
        "with logarithms for d = 1, 2)",
        "## 2. What is in the columns",
        "paper, §6",
        "has the same local slope, −2 / d",
        "| −2 / effective dimension, but no steeper than −1:",
        "the ε for which theorem 5.2 asks layer l for just m neurons, constant 1 | paper, §5;",
        "no dimension above m − 1 can be seen",
        "*Why not −2 / approximate dimension.*",
        "the slope is near −2/d.",
        ": below 1, averaging shrinks",
        "cross-entropy is √2-Lipschitz in the logits",
        "by at most √2 ·",
        "## 3. Certificates",
        "that are 1-Lipschitz; *ours*, after lemma 4.1)",
        "the deterministic core of theorem 3.1)",
        "## 4. The three claims",
        "1. **Wide two-layer networks trained by SGD are linearly connected after matching** (theorem 3.1,",
        "so that neurons move O(1) at every width",
        "2. **Widths sufficient and necessary for deep networks with independent Gaussian neurons** (theorems 5.2, 5.3)",
        "3. **The dimension of the support",
        "(theorem 5.4; figure 2)",
        "## 5. What was measured",
        "how near these slopes are to −2/d depends on d",
        *[f"| {claim}, `{study}` |" for claim, study in (
            (1, "mean_field"), (2, "gaussian_init"), (2, "gaussian_init_depth"), (3, "low_dimension"), (3, "low_dimension_trained"),
            (2, "depth_mnist"), (3, "paper_figure2"),
        )],
    ],
)  # fmt: skip
