"""`python_text`: characters of a text that Python itself ships, the topics of its `help()`. No download."""

import ast
import hashlib
import logging
import platform
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import Data, Dataset, Split, spread, token_split
from multirun_analysis.checks import read_file

log = logging.getLogger(__name__)
FILE, NAME = "pydoc_data/topics.py", "topics"  # below the standard library, and of the dict in it
MOST_BYTES = 2**24  # of the file; that of Python 3.11 has 0.8 MB
TRAIN = (9, 10)  # of the text, from its beginning
# Texts that are known, by their SHA-256: the Python that ships them, and their length in characters.
KNOWN = {
    "2a95af4ac93f5b719944030ce3769070ddf827d847cba42192afa8da989e5dc4": ("3.11.7", 465_048),
    "b0796031be1d1b35e6efa46b7944effd47a0c52a48087d470dde314fe2d66968": ("3.11.2", 466_097),
}


def read_topics(path: Path) -> str:
    """Return the texts of all topics in a `pydoc_data/topics.py`, in the order of the file, a newline between two.

    The file is parsed and not run: it must assign one dict of strings, written out, to `topics`.

    Raises
    ------
    InputError
        If there is no such file, or it holds anything else.
    """
    try:
        tree = ast.parse(read_file(path, MOST_BYTES))
    except OSError as error:
        raise checks.InputError(f"dataset=python_text needs {path}, which this Python lacks: {error.strerror or error}.") from error
    except (SyntaxError, ValueError, RecursionError) as error:
        raise checks.InputError(f"{path} cannot be read as Python: {error}.") from error
    assigned = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    try:
        topics = ast.literal_eval(assigned[NAME])
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise checks.InputError(f"{path} assigns no dict of strings, written out, to `{NAME}`.") from error
    if not isinstance(topics, dict) or not topics or not all(isinstance(text, str) for text in topics.values()):
        raise checks.InputError(f"{path} assigns no dict of strings, written out, to `{NAME}`.")
    return "\n".join(topics.values())


@dataclass(frozen=True, kw_only=True)
class PythonText(Dataset):
    r"""The topics of Python's `help()` as windows of characters, each with the characters that follow.

    .. math:: x_i = (c_{s_i}, \dots, c_{s_i + T - 1}), \qquad y_i = (c_{s_i + 1}, \dots, c_{s_i + T}), \qquad s_i = i \cdot \text{stride}

    where :math:`c` are the numbers of the characters and T is `context`. The first nine tenths of the text are for training, the last for
    the test; no window lies in both. The vocabulary is the characters of the training part in the order of their code points, and one
    number more for all that are not among them, so that losses are in nats per character.

    Parameters
    ----------
    context : int
    stride : int, optional
        Characters from the start of a window to that of the next; `context` if not given, so that windows do not overlap.
    train_size, test_size : int, optional
        Only so many windows, spread evenly over their part.

    Notes
    -----
    Every version of Python has a text of its own: those in `KNOWN` are known by length and SHA-256, others are taken too, and the record
    says which text it was. A text is part of the fingerprint, so that two of them are never averaged.

    Some lines occur in both parts: 9.5 % of the test part's characters (of Python 3.11.7: 123 of 855 lines that are not blank, 4,411 of
    46,505 characters; of 3.10.13, 3.11.2, 3.12.1 and 3.13.0: 8.7 to 9.5 %) are those of whole lines that the training part has as well.
    Of its 726 windows of 64 characters, 61 with the character that follows occur somewhere in the training part.
    """

    name: ClassVar[str] = "python_text"
    context: int = 64
    stride: int | None = None
    train_size: int | None = None
    test_size: int | None = None

    def __post_init__(self) -> None:
        checks.integer("dataset.context", self.context)
        for key in ("stride", "train_size", "test_size"):
            if getattr(self, key) is not None:
                checks.integer(f"dataset.{key}", getattr(self, key))

    def load(self) -> Data:
        """Return both splits of the text of the Python that runs."""
        return self.of_text(read_topics(Path(sysconfig.get_path("stdlib")) / FILE))

    def of_text(self, text: str) -> Data:
        """Return both splits of a text.

        Raises
        ------
        InputError
            If a part of it is too short for a window, or has fewer than are asked for.
        """
        end = len(text) * TRAIN[0] // TRAIN[1]
        for part, length in (("training", end), ("test", len(text) - end)):
            if length <= self.context:
                raise checks.InputError(
                    f"`dataset.context` must be below the {length:,} characters of the {part} part, for each of a window has one that "
                    f"follows, got {self.context}."
                )
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
        vocabulary = np.unique(points[:end])
        numbers = np.searchsorted(vocabulary, points)
        in_vocabulary = vocabulary[np.minimum(numbers, len(vocabulary) - 1)] == points
        numbers = np.where(in_vocabulary, numbers, len(vocabulary))
        train, test = self._windows("train_size", numbers[:end]), self._windows("test_size", numbers[end:])
        return Data(train, test, n_classes=len(vocabulary) + 1, note=_note(text))

    def _windows(self, key: str, characters: np.ndarray) -> Split:
        stride, size = self.stride or self.context, getattr(self, key)
        starts = np.arange(0, len(characters) - self.context, stride)
        if size is not None and size > len(starts):
            raise checks.InputError(
                f"`dataset.{key}` must be at most {len(starts):,}, the windows of {self.context} characters that begin {stride} apart in "
                f"{len(characters):,}, got {size:,}."
            )
        rows = starts[spread(len(starts), size).numpy()][:, None] + np.arange(self.context)  # (n, context)
        return token_split(characters[rows], characters[rows + 1])


def _note(text: str) -> str:
    """Return the sentence on which text it is, and log it where it is not known."""
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    described = f"{len(text):,} characters, SHA-256 {digest[:16]}"
    if KNOWN.get(digest, ("", 0))[1] == len(text):
        return f"the text is that of Python {KNOWN[digest][0]}, {described}"
    versions = ", ".join(sorted(version for version, _ in KNOWN.values()))
    note = f"the text is that of this Python, {platform.python_version()}, {described}: none of the known ones ({versions})"
    log.warning("dataset=python_text: %s.", note)
    return note
