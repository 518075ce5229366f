"""Count skipped tests, by reason, and fail if one should not have been: ``python .ci/skips.py REPORT.xml [PROGRAM ...]``.

A test may be skipped because it needs a program that not every machine has, or a package that CI installs last, and says which; none may
be for the lack of a PROGRAM that CI has installed, nor of another Python package.
"""

import re
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

PROGRAMS = {"chromium", "chromedriver", "pdflatex", "sbatch", "mount", "wandb", "mlflow"}
report, *installed = sys.argv[1:]
cases = list(ElementTree.parse(Path(report)).iter("testcase"))
reasons = Counter(skip.get("message") for case in cases for skip in case.iter("skipped"))
print(f"{sum(reasons.values())} of {len(cases)} tests were skipped")
for reason, count in sorted(reasons.items()):
    print(f"  {count}: {reason}")
wrong = [reason for reason in reasons if (name := re.match(r"needs (\w+)", reason)) is None or name[1] not in PROGRAMS - set(installed)]
if wrong:
    sys.exit(f"these should not have been skipped: {'; '.join(wrong)}")
