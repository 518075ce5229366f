"""The report of a sweep: one page of HTML that opens without a network."""

REPORT_FILE = "report.html"
