"""What to do about outputs and labels that do not fit a criterion: another criterion, or another shape."""

from collections.abc import Sequence

from torch import Tensor


def advice(fitting: Sequence[str], outputs: Tensor, labels: Tensor) -> str:
    """Return the end of a sentence that has both shapes, or nothing.

    Parameters
    ----------
    fitting : sequence of str
        The names of the criteria that would fit.
    outputs : Tensor, shape (m, ...)
    labels : Tensor, shape (n, ...)
    """
    is_integer = not labels.is_floating_point() and not labels.is_complex()
    has_same_shape = labels.shape[1:] == outputs.shape[1:]
    if is_integer and has_same_shape and labels.dim() > 1 and labels.shape[-1] > 1 and _is_one_hot(labels):
        return "; one-hot labels become classes by `labels.argmax(-1)`, with criterion='cross_entropy'"
    if fitting:
        return f"; criterion='{fitting[0]}' would fit"
    if not is_integer:
        return ""
    if outputs.dim() > 2 and labels.shape[1:] == outputs.shape[2:]:
        return "; the classes must be on the last axis of the outputs: `outputs.movedim(1, -1)`"
    if labels.dim() == 2 and labels.shape[1] == 1 and outputs.dim() == 2:
        return "; a column becomes labels by `labels.flatten()`"
    if outputs.dim() == 1 or outputs.shape[-1] == 1:
        return (
            "; a regression needs labels in floating-point numbers and criterion='squared_error', single logits need labels 0 and 1 and "
            "criterion='binary_cross_entropy'"
        )
    return ""


def _is_one_hot(labels: Tensor) -> bool:
    return bool(((labels >= 0) & (labels.sum(-1, keepdim=True) == 1)).all())
