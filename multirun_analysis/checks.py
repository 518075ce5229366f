"""Mistakes in what the analysis was asked for or handed over."""


class InputError(ValueError):
    """A user's mistake: shown as one sentence, without a traceback."""
