"""What a study is: tables and figures made of the frames of its sweep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis.plots.base import Frames

__all__ = ["Frames", "Study"]


@dataclass(frozen=True)
class Study:
    """Tables and figures by file name, each a function of the sweep's frames.

    `needs` names the keys that must vary beside the seed, `may` those that may. Means are taken over all others, so no other may vary;
    with None for `may`, the study keeps every key apart by itself. Networks with different values of the keys in `apart` are never
    averaged, so that these may vary, and any other key that has one value for each of theirs. `methods` are the matching methods that it
    is about, whatever their settings, and `among` names keys of which at least one value must be among those given. `dataset` is what its
    conclusions are about. Studies are about networks as they are, so they see the rows without repair only, unless they say that they are
    about `repairs`.
    """

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] | None = ("width",)
    apart: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    among: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    dataset: str | None = None
    repairs: bool = False
    tables: Mapping[str, Callable[[Frames], pd.DataFrame]] = field(default_factory=dict)
    figures: Mapping[str, Callable[[Frames], Figure]] = field(default_factory=dict)
