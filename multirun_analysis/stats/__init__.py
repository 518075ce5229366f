"""Statistics: frames in, frames out; nothing here draws or reads files."""

from multirun_analysis.common.registry import extend_packages

extend_packages()
