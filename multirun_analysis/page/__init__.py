"""The report of a sweep: one page of HTML that opens without a network."""

from multirun_analysis.page.page import page

__all__ = ["page"]
