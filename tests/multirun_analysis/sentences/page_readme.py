"""Numbers of the table of studies in ``README.md``; another test holds the first table, which a command prints."""

import re

from claims import GIVEN, ROOT, Claim, Page, Tables, Value
from overview_trained import depth_readme, ends, figure2_agreement, of_width, width_contrast
from overview_untrained import gaussian_bound, gaussian_falls, mean_field_readme


def more_studies(table: Tables) -> list[Value]:
    """Count the studies without a row, and check what the row of `gaussian_init` says without a number."""
    studies = {path.parent.name for path in table.folder.glob("*/README.md")}
    rows = set(re.findall(r"^\| \[!.*?\]\(results/(\w+)/README\.md\)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert rows < studies
    assert gaussian_falls(table)
    assert gaussian_bound(table)
    return [len(studies - rows)]


def widths(table: Tables) -> list[Value]:
    barriers = of_width(table)
    assert width_contrast(table), "the barrier of weights rises in the contrast"
    narrow, wide = barriers.index.min(), barriers.index.max()
    return [narrow, wide, *ends(barriers, narrow, wide)]


PAGE = Page(
    "README.md",
    "results",
    [
        Claim("has the commands, and 10 more studies.", more_studies),
        Claim("`paper_figure2`: figure 2 of Ferbach et al. in full; 64 of the 66 values", lambda table: [GIVEN, *figure2_agreement(table)]),
        Claim(
            """from 4 to 1,024 neurons, the test loss barrier of matched two-layer networks falls from 0.92 to 1.04 nats to 0.006 to
            0.007,""",
            widths,
        ),
        Claim(
            """a test error barrier of 0.02 grows with depth; with 512 neurons the mean barrier is within it up to 3 hidden layers matched
            by `weights`, and up to 5 by `activations`.""",
            depth_readme,
        ),
        Claim(
            """between 16 and 4,096 neurons the test loss barrier of two-layer networks falls from 0.029 nats until it is not told from 0,
            if whole neurons are matched, and is 0.23 to 0.29 at every width without matching.""",
            mean_field_readme,
        ),
    ],
    section="Studies",
)
