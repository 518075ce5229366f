"""What a model asks of the images that it is given."""

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.shape import Shape


def check_images(model: str, shape: Shape, least: int = 1) -> None:
    """Raise `InputError` if examples are no images, or too small ones.

    Parameters
    ----------
    model : str
        Its name, for the message.
    shape : Shape
    least : int
        The least height and width in pixels.

    Raises
    ------
    InputError
        Naming the rule and the shape of an example.
    """
    if len(shape.inputs) != 3:
        kinds = {1: "vectors of numbers, or of token ids"}
        raise InputError(
            f"`dataset` must have images, (channels, height, width), for model={model}; an example has the shape {shape.inputs}: "
            f"{kinds.get(len(shape.inputs), 'no image')}."
        )
    sides = shape.inputs[1:]
    if min(sides) < least:
        raise InputError(f"`dataset` must have images of at least {least} x {least} pixels for model={model}, got {sides[0]} x {sides[1]}.")
