"""Augmentation of images: crops of the padded image and mirror images, drawn for every network, epoch and example."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator

AUGMENTATIONS = ("none", "crop", "flip", "crop_flip")


def check_images(augmentation: str, inputs: Tensor) -> None:
    """Raise `InputError` if examples are to be augmented and are no images of real numbers, shape (n, channels, height, width)."""
    if augmentation != "none" and (inputs.dim() != 4 or not inputs.is_floating_point()):
        numbers = "real numbers" if inputs.is_floating_point() else "integers"
        raise InputError(
            "`training.augmentation` must be none for examples that are no images (channels, height, width), "
            f"got {augmentation!r} for examples of shape {tuple(inputs.shape[1:])} of {numbers}."
        )


def drawn_views(seed: int, network: int, epoch: int, examples: int, padding: int) -> Tensor:
    """Return what a network sees of every example in an epoch: rows down, columns to the right, and whether it is mirrored.

    Every epoch has a generator of its own, so that training goes on anywhere without the state of one, and crops are the same whether or
    not images are mirrored too.

    Parameters
    ----------
    seed, network, epoch : int
    examples : int
    padding : int
        Pixels that an image is padded by on each side: a crop lies 0, ..., 2 `padding` pixels from the corner.

    Returns
    -------
    Tensor, shape (examples, 3), int64
    """
    rng = generator(seed, "network", network, "augmentation", epoch)
    places, mirrored = rng.integers(0, 2 * padding + 1, (examples, 2)), rng.integers(0, 2, (examples, 1))
    return torch.cat([torch.from_numpy(places), torch.from_numpy(mirrored)], 1)


def augmented(images: Tensor, views: Tensor, augmentation: str, padding: int) -> Tensor:
    r"""Return the crop and the mirror image that `views` says of each image, of its own size.

    .. math:: x'_{c i j} = \bar x_{c,\, i + d,\, j + r}, \qquad x''_{c i j} = x'_{c,\, i,\, w - 1 - j} \text{ if mirrored}

    where :math:`\bar x` is the image in a frame of `padding` zeros, so that :math:`d = r =` `padding` leaves it as it is.

    Parameters
    ----------
    images : Tensor, shape (n, channels, height, width)
    views : Tensor, shape (n, 3)
        As `drawn_views` returns them.
    augmentation : str
        One of `AUGMENTATIONS`.
    padding : int

    References
    ----------
    He et al. 2016, section 4.2: a padding of 4 pixels and mirror images, for CIFAR-10.
    """
    if augmentation in ("crop", "crop_flip"):
        height, width = images.shape[2:]
        windows = F.pad(images, (padding,) * 4).unfold(2, height, 1).unfold(3, width, 1)  # (n, c, down, right, h, w)
        images = windows[torch.arange(len(images), device=images.device), :, views[:, 0], views[:, 1]]
    if augmentation in ("flip", "crop_flip"):
        images = torch.where(views[:, 2].bool()[:, None, None, None], images.flip(-1), images)
    return images
