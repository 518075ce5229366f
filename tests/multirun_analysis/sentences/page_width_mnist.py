"""Numbers of ``results/width_mnist/README.md``."""

from claims import GIVEN, Claim, Page, Tables, Value

LONG = "`optimizer.lr` == 0.1"
TEST_LOSS = f"{LONG} and split == 'test' and metric == 'loss_barrier'"
METHODS = ("identity", "weights", "covariance", "activations")


def row(width: int) -> Claim:
    """Return the claim on a row of the table: the error of the networks, then mean and half of the interval of every method."""

    def values(table: Tables) -> list[Value]:
        networks = table("runs", f"{LONG} and split == 'test' and matching == 'identity' and width == {width}")
        cells: list[Value] = [GIVEN, (networks.error_a.mean() + networks.error_b.mean()) / 2]
        for method in METHODS:
            cell = table("barrier_vs_width", f"{TEST_LOSS} and matching == '{method}' and width == {width}").iloc[0]
            cells += [cell["mean"], cell["mean"] - cell.ci_low]
        return cells

    return Claim(ROWS[width], values)


ROWS = {
    4: "| 4 | 0.1724 | 1.70 ± 0.77 | 1.04 ± 0.58 | 0.94 ± 0.44 | 0.92 ± 0.49 |",
    32: "| 32 | 0.0297 | 1.74 ± 0.29 | 0.150 ± 0.037 | 0.163 ± 0.037 | 0.182 ± 0.058 |",
    128: "| 128 | 0.0203 | 0.489 ± 0.075 | 0.0180 ± 0.0029 | 0.0212 ± 0.0045 | 0.0240 ± 0.0034 |",
    512: "| 512 | 0.0179 | 0.176 ± 0.022 | 0.0060 ± 0.0011 | 0.0075 ± 0.0020 | 0.0087 ± 0.0021 |",
    1024: "| 1024 | 0.0173 | 0.123 ± 0.010 | 0.0068 ± 0.0006 | 0.0060 ± 0.0009 | 0.0071 ± 0.0007 |",
}
PAGE = Page("results/width_mnist/README.md", "results/width_mnist", [row(width) for width in ROWS])
