"""Numbers of ``results/depth_repair/README.md``."""

from claims import GIVEN, ROOT, Claim, Page, Tables, Value, numbers

METHODS = ("identity", "weights", "rebasin", "activations")
PAGE_PATH = "results/depth_repair/README.md"
LINES = (ROOT / PAGE_PATH).read_text(encoding="utf-8").splitlines()


def cell(width: int, depth: int, method: str, repair: str) -> str:
    return f"width == {width} and depth == {depth} and matching == '{method}' and repair == '{repair}'"


def barrier(table: Tables, width: int, depth: int, method: str, repair: str, measure: str = "loss_barrier") -> float:
    """Return the mean of a measure over the pairs of the test split, from the pairs themselves."""
    pairs = table("runs", f"{cell(width, depth, method, repair)} and split == 'test' and status == 'ok'")
    assert len(pairs) == 4
    return float(pairs[measure].mean())


def growth(table: Tables, method: str, repair: str, to: int) -> list[Value]:
    """Return the growth from depth 1 at 512 neurons with its interval; the mean is our own."""
    query = f"metric == 'loss_barrier' and width == 512 and matching == '{method}' and repair == '{repair}' and to_depth == {to}"
    _, low, high = [table.value("growth", name, query) for name in ("growth", "growth_low", "growth_high")]
    return [barrier(table, 512, to, method, repair) - barrier(table, 512, 1, method, repair), low, high]


def rows() -> list[Claim]:
    """Return the claims on the rows of the three tables, in the order of the page."""
    claims, headers = [], [k for k, line in enumerate(LINES) if line.startswith(("| 512 neurons", "| 128 neurons", "| | to depth"))]
    for header in headers:
        head = LINES[header]
        for offset, method in enumerate(METHODS, start=2):
            line = LINES[header + offset]
            assert line.startswith(f"| `{method}` |")
            if "neurons" in head:
                width, *depths = (int(number) for number in numbers(head))
                claims.append(Claim(line, of_table(width, depths, method)))
            else:
                claims.append(Claim(line, of_growth(method)))
    assert len(claims) == 12
    return claims


def of_table(width: int, depths: list[int], method: str):
    return lambda table: [barrier(table, width, depth, method, repair) for depth in depths for repair in ("none", "repair")]


def of_growth(method: str):
    return lambda table: [value for to in (3, 10) for repair in ("none", "repair") for value in growth(table, method, repair, to)]


def jobs(table: Tables) -> list[Value]:
    failures, runs = table("failures"), table("runs")
    assert len(failures) == 1
    assert failures["job"].item() == "width=512 depth=10 seed=2"
    return [runs["run_id"].nunique(), 10, 512]


def errors(table: Tables) -> list[Value]:
    runs = table("runs", "split == 'test' and matching == 'identity' and repair == 'none' and status == 'ok'")
    means = 100 * (runs["error_a"] + runs["error_b"]).groupby([runs["width"], runs["depth"]]).mean() / 2
    return [means.min(), means.max()]


def up_to_three(table: Tables) -> list[Value]:
    """Assert what the passage says in words, and return the temperatures."""
    assert growth(table, "identity", "repair", 3)[0] < 0
    left = growth(table, "weights", "repair", 3)[0] / growth(table, "weights", "none", 3)[0]
    assert 0.2 < left < 0.3
    return [
        barrier(table, 512, 3, method, repair, "temperature_midpoint")
        for repair in ("repair", "none")
        for method in ("rebasin", "activations")
    ]


def at_ten(table: Tables) -> list[Value]:
    removed = {method: 1 - growth(table, method, "repair", 10)[0] / growth(table, method, "none", 10)[0] for method in METHODS}
    assert min(removed["rebasin"], removed["weights"]) > 0.6 > 0.5 > removed["identity"]
    assert all(growth(table, method, "repair", 10)[1] > 0 for method in ("identity", "weights", "activations"))
    errors = [barrier(table, 512, 10, method, "repair", "error_barrier") for method in ("weights", "rebasin", "activations", "identity")]
    least = max(barrier(table, 512, 1, method, "none", "error_barrier") for method in METHODS[1:])
    assert least <= 0.003
    return [*errors, 0.003, 1]


def by_rescale(table: Tables) -> list[Value]:
    return [*growth(table, "weights", "rescale", 10), 10, *growth(table, "activations", "rescale", 10)]


def spread(table: Tables) -> list[Value]:
    pairs = table("runs", f"{cell(512, 6, 'weights', 'repair')} and split == 'test'")["loss_barrier"]
    assert pairs.max() > 10 * pairs.min()
    return [6, 512]


PAGE = Page(
    PAGE_PATH,
    "results/depth_repair",
    [
        *rows(),
        Claim("45 jobs; one, at depth 10 and 512 neurons, diverged", jobs),
        Claim("mean test errors are 1.7 to 2.6 %", errors),
        Claim("(temperature 1.61 and 1.74, unrepaired 0.94 and 1.31)", up_to_three),
        Claim(
            "is 0.208 repaired (`weights`), 0.156 (`rebasin`), 0.043 (`activations`) and 0.424 (`identity`), for at most 0.003 at depth 1",
            at_ten,
        ),
        Claim("still grows by 1.756 [1.124, 2.388] to depth 10, and that of `activations` by 0.367 [−0.118, 0.852]", by_rescale),
        Claim("by a factor of ten and more, as at depth 6 and 512 neurons", spread),
        Claim(
            "At 128 neurons and depth 10 repair is not seen to help networks that are not matched: the mean is 3.028 for 2.583",
            lambda table: [GIVEN, GIVEN, *(barrier(table, 128, 10, "identity", repair) for repair in ("repair", "none"))],
        ),
    ],
    names=[
        "1 to 10 hidden layers on MNIST",
        "(learning rate 0.1, 20 epochs)",
        *(line for line in LINES if line.startswith(("| 512 neurons", "| 128 neurons", "| | to depth"))),
        "from depth 1 on at 512 neurons",
        "**Up to depth 3**",
        "**At depth 10**",
        "decided above 0 for",
        "Depths 2, 4 and 8 were measured at 128 neurons only",
    ],
)
