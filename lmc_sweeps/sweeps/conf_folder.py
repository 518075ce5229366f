"""Where the configs lie."""

from pathlib import Path


def conf_dir() -> Path:
    """Return the folder of the configs: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError(f"lmc_sweeps: there is no conf/config.yaml in {package} or beside it; the installation is damaged.")
