"""Matching problems: what a method may look at, made of networks and of what they compute on the training set."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching, MatchingProblem, MatchingResult, NetworkView
from lmc_sweeps.matching.problem import NotShown
from lmc_sweeps.measuring.losses import TrainingLoss
from lmc_sweeps.measuring.moments import network_moments
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.symmetry.linear_form import LinearForm

MOMENTS = frozenset({"moments", "cross_moments"})  # what is computed of activations


def matching_problem(
    architecture: Architecture,
    networks: Sequence[Mapping[str, Tensor]],
    train: Split | None,
    needs: Collection[str],
    generator: np.random.Generator | None = None,
    batch_size: int = 2000,
    examples: int | None = None,
    form: LinearForm | None = None,
) -> MatchingProblem:
    """Return the problem of mapping networks to the first of them.

    Parameters
    ----------
    architecture : Architecture
    networks : sequence of mappings of str to Tensor
        K networks, A first; K >= 2.
    train : Split, optional
        For moments and losses: the training set, or whatever split a caller takes in its place.
    needs : collection of str
        What one or several methods need, of `NEEDS`; `MatchingProblem.shown_to` leaves each what it lists.
    generator : numpy.random.Generator, optional
    batch_size : int
        Number of examples evaluated at once.
    examples : int, optional
        Number of examples of the split, spread evenly, from which moments and losses are taken; all of them if not given.
    form : LinearForm, optional
        That the networks are in, for methods that fold.

    Returns
    -------
    MatchingProblem
        Weights in float64.
    """
    train = None if train is None else train.at_most(examples)
    shown = network_moments(architecture, networks, train.inputs, batch_size) if train is not None and MOMENTS & set(needs) else None
    views = tuple(
        NetworkView(
            weights={name: tensor.double().cpu().numpy() for name, tensor in network.items()} if "weights" in needs else {},
            moments=shown.views[k] if shown is not None else {},
        )
        for k, network in enumerate(networks)
    )
    return MatchingProblem(
        graph=architecture.graph(networks[0]) if form is None else form.free,
        linear={} if form is None else form.groups,
        views=views,
        reads=architecture.reads(networks[0]),
        sites=architecture.sites(networks[0]),
        cross_moments=shown.cross if shown is not None else {},
        loss=TrainingLoss(architecture, networks[0], train, batch_size) if train is not None else None,
        generator=generator,
    ).shown_to(needs, generator)


def solved(method: Matching, problem: MatchingProblem) -> MatchingResult:
    """Return what a method makes of a problem.

    Raises
    ------
    InputError
        If the method looks at a field of the problem that its `needs` does not list, or returns something else than a result.
    """
    needs = f"its `needs` lists {', '.join(sorted(method.needs)) or 'nothing'}"
    try:
        result = method(problem)
    except NotShown as error:
        raise InputError(f"matching={method.name}: {str(error).removesuffix('.')}; {needs}.") from error
    except (AttributeError, TypeError) as error:
        absent = [name for name in ("loss", "generator") if name not in method.needs and getattr(problem, name) is None]
        if not absent or "'NoneType' object" not in str(error):
            raise
        listed = " and ".join(f"`{name}`" for name in absent)
        rule = f"a method must list {' or '.join(map(repr, absent))} in its `needs` to see it"
        raise InputError(f"matching={method.name}: {error}; {listed} of a problem may be None: {rule}; {needs}.") from error
    if not isinstance(result, MatchingResult):
        raise InputError(f"matching={method.name}: `__call__` must return a MatchingResult, got {type(result).__name__}.")
    return result
