"""The report of a sweep: its tables, figures and page, on disk and on the terminal."""
