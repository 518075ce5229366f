"""Downloads: fetched once into a cache folder by pooch, and verified before anything reads them."""

import os
from pathlib import Path

from lmc_sweeps.checks import InputError


def fetch(dataset: str, file: str, md5: str, mirrors: tuple[str, ...]) -> Path:
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

    Raises
    ------
    InputError
        If no mirror can be reached or none serves the official contents; it says what to do without a network.
    """
    import pooch  # only needed when data are downloaded

    reasons = []
    for mirror in mirrors:
        cache = pooch.create(
            path=Path(os.environ.get("LMC_SWEEPS_DATA") or pooch.os_cache("lmc_sweeps")) / dataset,
            base_url=mirror,
            registry={file: f"md5:{md5}"},
        )
        try:
            return Path(cache.fetch(file))
        # requests, pooch and the file system each have their own family of errors; every one means: try the next mirror
        except (OSError, ValueError) as error:
            reason = str(error).split("\n")[0][:300]
            reasons.append(f"{mirror}{file}: {reason}")
    raise InputError(
        f"`dataset={dataset}` is not in the cache and could not be downloaded.\n  "
        + "\n  ".join(reasons)
        + f"\nPut {file} and its kind into a folder and pass dataset.root=FOLDER, or use dataset=digits, which needs no download."
    )
