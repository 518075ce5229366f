"""The softmax in whole vectors is the softmax, for any number of classes, and so are the gradient and the logarithms."""

import math

import pytest
import torch
import torch.nn.functional as F

from lmc_sweeps.models.softmax import LANES, MOST_FILLED, in_whole_vectors, log_softmax, softmax_gradient

CLASSES = (1, 2, 10, LANES - 1, LANES, LANES + 1, 100, MOST_FILLED + 1)


def logits(classes):
    return 5 * torch.randn(3, 7, classes, generator=torch.Generator().manual_seed(classes))


@pytest.mark.parametrize("classes", CLASSES)
def test_what_is_added_has_no_share(classes):
    filled = in_whole_vectors(logits(classes))
    assert filled.shape[-1] % LANES == 0 or classes > MOST_FILLED
    assert torch.equal(filled[..., :classes], logits(classes))
    assert (torch.softmax(filled, -1)[..., classes:] == 0).all()


@pytest.mark.parametrize("classes", CLASSES)
def test_it_is_the_logarithm_of_the_softmax(classes):
    expected = torch.log_softmax(logits(classes).double(), -1)
    torch.testing.assert_close(log_softmax(logits(classes)).double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("classes", CLASSES[1:])
def test_the_gradient_is_that_of_autograd(classes):
    labels = torch.arange(21).view(3, 7) % classes
    leaf = logits(classes).double().requires_grad_()
    F.cross_entropy(leaf.view(-1, classes), labels.flatten()).backward()
    units = F.one_hot(labels, classes).float()
    torch.testing.assert_close(softmax_gradient(logits(classes), units, 21).double(), leaf.grad, rtol=1e-4, atol=1e-7)


def test_infinite_logits_are_what_they_are_in_pytorch():
    values = torch.tensor([[1.0, -math.inf, 2.0], [math.inf, 0.0, 1.0], [-math.inf] * 3, [math.nan, 0.0, 1.0]])
    torch.testing.assert_close(log_softmax(values), torch.log_softmax(values, -1), equal_nan=True)
    units = torch.zeros(4, 3)
    torch.testing.assert_close(softmax_gradient(values, units, 1), torch.softmax(values, -1), equal_nan=True)
