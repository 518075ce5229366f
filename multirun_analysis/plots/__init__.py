"""Plots: a frame and an axes in, the axes out; nothing here computes statistics or saves files."""
