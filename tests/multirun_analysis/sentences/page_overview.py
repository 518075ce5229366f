"""Numbers of ``docs/results.md``, the overview of all studies."""

import overview_trained
import overview_untrained
from claims import Page

PAGE = Page("docs/results.md", "results", [*overview_trained.CLAIMS, *overview_untrained.CLAIMS])
