"""Where Hydra looks for configs beside our own: the folders of parts of a user's own."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from multirun_analysis.common.registry import conf_folders


class LmcSearchPath(SearchPathPlugin):
    """Adds ``conf/`` of every folder that `lmc_sweeps.add_parts` was called with, or that ``LMC_SWEEPS_PARTS`` names, behind ours."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in conf_folders():
            search_path.append(provider="lmc-sweeps-parts", path=f"file://{folder}")
