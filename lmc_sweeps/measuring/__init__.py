"""What is measured on networks: losses along a path, moments of activations, gaps, planes; all methods on one pair."""
