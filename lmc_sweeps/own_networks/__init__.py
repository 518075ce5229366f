"""Networks of the caller's own: modules or files, their specification, and the proof that a relabeling keeps the function."""
