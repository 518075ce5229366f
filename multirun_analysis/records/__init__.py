"""Records of jobs as they lie on disk: reading, packing, the index of what was read, merging."""
