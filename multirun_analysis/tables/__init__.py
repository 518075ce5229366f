"""Tables: what is written as CSV and printed at the end of a sweep."""
