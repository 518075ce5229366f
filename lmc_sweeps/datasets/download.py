"""Downloads: fetched once into a cache folder by pooch, no longer than they are known to be, and verified before anything reads them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lmc_sweeps.common.checks import InputError, user_path

MOST_BYTES = 2**30  # of a file whose size is not known


class NotDownloaded(InputError):
    """A file that no mirror has served: other jobs of the same command would only try once more."""


def fetch(dataset: str, file: str, md5: str, mirrors: tuple[str, ...], size: int = MOST_BYTES) -> Path:
    """Return the path of a cached file, after downloading it from the first mirror that serves it unharmed.

    Parameters
    ----------
    dataset : str
        Name of the dataset and of its folder in the cache (``LMC_SWEEPS_DATA``, else the user's cache folder).
    file : str
    md5 : str
        Of the official file: a file with another checksum is not kept.
    mirrors : tuple of str
        Addresses of folders.
    size : int
        Bytes of the official file: a mirror that sends more is left at once.

    Raises
    ------
    NotDownloaded
        If no mirror can be reached or none serves the official contents; it says what to do without a network.
    """
    import pooch  # only needed when data are downloaded

    folder = user_path("LMC_SWEEPS_DATA", os.environ.get("LMC_SWEEPS_DATA") or pooch.os_cache("lmc_sweeps")) / dataset
    cached = folder / file
    if cached.exists() and not cached.is_file():
        raise InputError(f"{cached} must be the file of `dataset={dataset}` that was downloaded, and is not a regular file; remove it.")
    reasons = []
    for mirror in mirrors:
        cache = pooch.create(path=folder, base_url=mirror, registry={file: f"md5:{md5}"})
        try:
            return Path(cache.fetch(file, downloader=_Bounded(size)))
        # requests, pooch and the file system each have their own family of errors; every one means: try the next mirror
        except (OSError, ValueError) as error:
            reason = str(error).split("\n")[0][:300]
            reasons.append(f"{mirror}{file}: {reason}")
    raise NotDownloaded(
        f"`dataset={dataset}` is not in the cache and could not be downloaded.\n  "
        + "\n  ".join(reasons)
        + f"\nWithout a network, put {file} and its kind into a folder DIR and pass dataset.root=DIR, "
        "or use dataset=digits, which needs no download."
    )


@dataclass(frozen=True)
class _Bounded:
    """A downloader for pooch that stops as soon as more than `most` bytes have come."""

    most: int

    def __call__(self, url: str, output_file: str, cache: Any) -> None:
        from pooch import HTTPDownloader

        with open(output_file, "wb") as stream:
            # Without an encoding, as many bytes come as the file has.
            HTTPDownloader(chunk_size=2**16, headers={"Accept-Encoding": "identity"})(url, _Counted(stream, self.most), cache)


class _Counted:
    """A file that takes no more than `most` bytes."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self._stream, self._left = stream, most

    def write(self, contents: bytes) -> int:
        self._left -= len(contents)
        if self._left < 0:
            raise ValueError("it sends more bytes than the official file has, and was stopped")
        return self._stream.write(contents)

    def flush(self) -> None:
        self._stream.flush()
