"""Formulas: permutations, lines between weights, barriers, ground costs, dimension, the bounds of the theory."""
