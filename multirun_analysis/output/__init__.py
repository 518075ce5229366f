"""Files that an analysis leaves: CSV and figures."""
