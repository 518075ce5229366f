"""The values of Ferbach et al. 2024, figure 2, by peak learning rate.

End points are printed in the authors' notebook. Midpoints and dimensions were recovered from its figures (means to 0.4 %, dimensions to
0.5 %, standard deviations to 10 %), at four of the six learning rates. Standard deviations are the population's, over repetitions.
"""

from typing import NamedTuple

LEARNING_RATES = (1e-4, 3.9810717055349735e-4, 1.584893192461114e-3, 6.30957344480193e-3, 2.5118864315095794e-2, 1e-1)


class Value(NamedTuple):
    """A mean and, where it is known, its standard deviation."""

    mean: float
    std: float = float("nan")


def _by_rate(*values: Value | None) -> dict[float, Value]:
    return {rate: value for rate, value in zip(LEARNING_RATES, values, strict=True) if value is not None}


# Over the 8 networks of a learning rate.
ENDPOINTS = {
    "test loss": _by_rate(
        Value(1.0243, 0.044), Value(0.33107, 0.0029), Value(0.18954, 0.0028), Value(0.08333, 0.0010), Value(0.06671, 0.0019),
        Value(0.07609, 0.0019),
    ),
    "test accuracy": _by_rate(
        Value(0.8012, 0.0065), Value(0.90761, 0.0009), Value(0.94506, 0.0010), Value(0.97414, 0.0007), Value(0.98140, 0.0008),
        Value(0.98358, 0.0005),
    ),
    "train loss": _by_rate(
        Value(1.0449, 0.043), Value(0.34604, 0.0027), Value(0.18869, 0.0030), Value(0.05575, 0.0010), Value(0.003122, 9e-5),
        Value(0.0001812, 4e-6),
    ),
}  # fmt: skip

# Test loss at t = 1/2, over 4 pairs.
MIDPOINTS = {
    "weights": _by_rate(Value(2.056, 0.023), Value(1.415, 0.039), None, Value(0.897, 0.042), None, Value(0.0842, 0.007)),
    "covariance": _by_rate(Value(1.352, 0.031), Value(0.5512, 0.016), None, Value(0.2552, 0.020), None, Value(0.0979, 0.006)),
    "activations": _by_rate(Value(1.226, 0.035), Value(0.4742, 0.009), None, Value(0.1772, 0.006), None, Value(0.0995, 0.004)),
}

# Of network A, over 4 pairs, by method and layer.
DIMENSIONS = {
    ("weights", 1): _by_rate(Value(309.4), Value(307.3), None, Value(297.1), None, Value(219.4)),
    ("weights", 2): _by_rate(Value(255.9), Value(254.4), None, Value(243.0), None, Value(191.5)),
    ("weights", 3): _by_rate(Value(255.9), Value(254.3), None, Value(240.0), None, Value(186.8)),
    ("covariance", 1): _by_rate(Value(2.90, 0.09), Value(2.11), None, Value(3.75), None, Value(6.78, 2.5)),
    ("covariance", 2): _by_rate(Value(1.790), Value(1.530), None, Value(1.893, 0.04), None, Value(7.57, 1.5)),
    ("covariance", 3): _by_rate(Value(1.66), Value(1.58), None, Value(1.757), None, Value(5.38, 0.19)),
    ("activations", 1): _by_rate(Value(2.06, 0.05), Value(1.744), None, Value(2.18), None, Value(8.81, 0.3)),
    ("activations", 2): _by_rate(Value(1.63, 0.04), Value(1.471), None, Value(1.630), None, Value(4.49, 0.09)),
    ("activations", 3): _by_rate(Value(1.65, 0.05), Value(1.600), None, Value(1.681), None, Value(3.66, 0.12)),
}
