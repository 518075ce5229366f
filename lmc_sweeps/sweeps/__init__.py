"""Hydra: from what was typed to configs, from configs to jobs, and the launcher that runs them."""
