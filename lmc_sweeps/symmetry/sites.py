"""Where the activations of a graph's groups are seen: what its tensors read, or else what they compute."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from torch import Tensor

from lmc_sweeps.symmetry.axes import INPUT, Axis, Factor
from lmc_sweeps.symmetry.graph import Graph


@dataclass(frozen=True)
class Site:
    """Neurons as one tensor sees them: a segment of what an axis of it is multiplied by, or of what it computes along this axis.

    Parameters
    ----------
    key : str
        Of its activations and moments.
    tensor : str
    axis : int
    start : int
        Where the segment begins on the axis.
    width : int
        Places of the axis; of a grouped convolution's those of all its inputs.
    factors : tuple of Factor
        Of the segment. Its neurons are those of the factors that have groups, or else of the first one; others are positions.
    reads : bool
        Whether this is what the tensor reads, not what it computes.
    """

    key: str
    tensor: str
    axis: int
    start: int
    width: int
    factors: tuple[Factor, ...]
    reads: bool = True

    @property
    def neurons(self) -> tuple[Factor, ...]:
        """The factors whose product counts the neurons, outer ones first."""
        return tuple(factor for factor in self.factors if factor.group is not None) or self.factors[:1]

    def values(self, rows: Tensor) -> Tensor | None:
        """Return what is seen in rows, (examples and positions, places), as (examples and positions, neurons); None if rows do not fit."""
        if rows.shape[1] % self.width:
            return None
        sizes = [factor.size for factor in self.factors]
        part = rows.reshape(-1, self.width)[:, self.start : self.start + prod(sizes)].reshape(-1, *sizes)
        free = [k for k, factor in enumerate(self.factors, start=1) if factor.group is not None] or [1]
        positions = [k for k in range(1, part.dim()) if k not in free]
        return part.permute(0, *positions, *free).reshape(-1, prod(factor.size for factor in self.neurons))


@dataclass(frozen=True)
class Sites:
    """The sites of a graph.

    Parameters
    ----------
    reads : mapping of str to tuple of Site
        Of what each tensor reads, segment by segment.
    groups : mapping of str to tuple of Site
        By group: where its neurons can be compared.
    computed : mapping of str to tuple of Site
        By group: where its neurons are computed, before activation functions and normalisations.
    """

    reads: Mapping[str, tuple[Site, ...]]
    groups: Mapping[str, tuple[Site, ...]]
    computed: Mapping[str, tuple[Site, ...]]

    def all(self, before: bool = False) -> dict[str, Site]:
        """Return every site by its key: of what is read and compared, or of what is computed."""
        maps = (self.computed,) if before else (self.reads, self.groups)
        return {site.key: site for sites in maps for part in sites.values() for site in part}


def sites_of(graph: Graph) -> Sites:
    """Return the sites of a graph.

    A group is seen by the first tensor that reads it, and where none does, as inside of attention, by the first that computes it. Where
    several groups are factors of one axis, as heads and what is inside of them, they are seen together, in one site of all of them.
    A tensor that reads a group once for each neuron of another one, as a grouped convolution does, shows both together.
    """
    keys: dict[str, None] = {}
    reads = {name: _reads(name, axes[k], k, keys) for name, axes in graph.axes.items() if (k := read_axis(axes)) is not None}
    groups: dict[str, list[Site]] = {group: [] for group in graph.sizes}
    axes = {name: graph.axes[name][sites[0].axis] for name, sites in reads.items()}
    for name in (name for name in reads if not axes[name].across):
        for site in reads[name]:
            _show(groups, site)
    for name in (name for name in reads if axes[name].across):
        _show(groups, _across(reads[name][0], axes[name], graph, keys))
    computed: dict[str, list[Site]] = {group: [] for group in graph.sizes}
    results: dict[str, None] = {}
    for name in reads:
        across = axes[name].across
        for k, axis in enumerate(graph.axes[name]):
            for site in _segments(name, axis, k, results, reads=False) if not axis.reads else ():
                _show(computed, site)
                if set(across) <= set(axis.groups):  # or else the positions are in the order of another group
                    _show(groups, replace(site, key=f"{site.key}, computed"))
    return Sites(reads, *({group: tuple(sites) for group, sites in shown.items() if sites} for shown in (groups, computed)))


def read_axis(axes: tuple[Axis, ...]) -> int | None:
    """Return the axis of a tensor's inputs, None where it has none."""
    return next((k for k, axis in enumerate(axes) if axis.reads and len(axes) > 1), None)


def _show(groups: Mapping[str, list[Site]], site: Site | None) -> None:
    """Add a site to the groups that it shows, if one of them was not seen before."""
    shown = [factor.group for factor in site.neurons if factor.group is not None] if site is not None else []
    if site is not None and any(not groups[group] for group in shown):
        for group in dict.fromkeys(shown):
            groups[group].append(site)


def _reads(name: str, axis: Axis, k: int, keys: dict[str, None]) -> tuple[Site, ...]:
    return tuple(_segments(name, axis, k, keys, reads=True))


def _segments(name: str, axis: Axis, k: int, keys: dict[str, None], reads: bool) -> list[Site]:
    sites, start = [], 0
    for s, segment in enumerate(axis.segments):
        groups = [factor.group for factor in segment if factor.group is not None]
        key = _key(groups, name, f"[{s}]" if len(axis.segments) > 1 else "", keys, is_plain=not (reads and axis.across))
        sites.append(Site(key, name, k, start, axis.size, segment, reads))
        start += prod(factor.size for factor in segment)
    return sites


def _across(site: Site, axis: Axis, graph: Graph, keys: dict[str, None]) -> Site | None:
    """Return the site of a tensor that reads a group once for each neuron of one other group."""
    if len(axis.across) != 1 or len(axis.segments) != 1:
        return None
    factors = (Factor(graph.sizes[axis.across[0]], axis.across[0]), *axis.segments[0])
    groups = [factor.group for factor in factors if factor.group is not None]
    return Site(_key(groups, site.tensor, "", keys, is_plain=True), site.tensor, site.axis, 0, factors[0].size * axis.size, factors)


def _key(groups: list[str], tensor: str, piece: str, keys: dict[str, None], is_plain: bool) -> str:
    """Return the key of a site: the names of its groups, for the first one of theirs; of others with their tensor."""
    plain = " x ".join(groups) or INPUT
    key = plain if is_plain and plain not in keys else f"{plain} of {tensor}{piece}"
    keys[key] = None
    return key
