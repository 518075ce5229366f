"""Data frames of whole sweeps: one row per pair and method, per point of a curve, per layer, per point of a plane."""
