"""Transports: from a ground cost to an optimal coupling of A's neurons with B's."""

from lmc_sweeps.common.identity import code_of
from lmc_sweeps.common.registry import variants
from lmc_sweeps.transport.base import Transport
from lmc_sweeps.transport.sinkhorn import EPSILON, Sinkhorn
from multirun_analysis.common.registry import extend_packages, folders_of_parts

extend_packages()


def choices() -> dict[str, type[Transport]]:
    """Return the classes of this room by name: every module beside this one, and in a user's own folders."""
    return variants(__name__, Transport)


def solver(name: str, epsilon: float = EPSILON) -> Transport:
    """Return the transport of a name; `epsilon` is that of ``sinkhorn``, and others have none."""
    kind = choices()[name]
    return Sinkhorn(epsilon=epsilon) if kind is Sinkhorn else kind()


def code(name: str) -> dict[str, str]:
    """Return the digests of the code of a transport of a user's own, under the keys that a method has them under; none of ours."""
    if not folders_of_parts():  # as a rule, and hashes are taken often
        return {}
    return {f"transport.{key}": digest for key, digest in code_of(choices()[name]).items()}
