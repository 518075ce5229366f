"""What Hydra must find under the name ``hydra_plugins``: it takes sweepers and launchers from nowhere else."""
