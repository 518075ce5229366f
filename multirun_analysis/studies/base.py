"""What a study is: tables and figures made of the frames of its sweep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

Frames = Mapping[str, pd.DataFrame]  # runs, curves, layers, barrier_vs_width, failures


@dataclass(frozen=True)
class Study:
    """Tables and figures by file name, each a function of the sweep's frames, of which `needs` names the varying keys."""

    needs: tuple[str, ...] = ()
    tables: Mapping[str, Callable[[Frames], pd.DataFrame]] = field(default_factory=dict)
    figures: Mapping[str, Callable[[Frames], Figure]] = field(default_factory=dict)
