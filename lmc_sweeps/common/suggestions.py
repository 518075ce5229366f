"""Which key was meant: other programs' names for ours, and the nearest of all keys."""

from collections.abc import Sequence

from multirun_analysis.checks import nearest

# What other programs, papers and people call it.
MEANT = {
    "width": ("hidden", "hidden_size", "hidden_dim", "hidden_units", "n_hidden", "units", "neurons", "widths"),
    "depth": ("layers", "n_layers", "num_layers", "hidden_layers", "depths"),
    "networks": ("n_networks", "num_networks", "n_models", "num_models"),
    "seed": ("seeds", "random_seed", "manual_seed", "random_state"),
    "model": ("arch", "architecture", "net", "network"),
    "dataset": ("data", "datasets"),
    "dataset.root": ("data_dir", "data_root", "dataset_dir", "data_path"),
    "optimizer": ("optim", "optimiser", "opt"),
    "optimizer.lr": ("learning_rate", "lrate", "lrs", "eta"),
    "optimizer.weight_decay": ("wd", "l2"),
    "training.epochs": ("epoch", "n_epochs", "num_epochs", "max_epochs"),
    "training.batch_size": ("batch", "bs", "batchsize", "batch_sizes"),
    "training.schedule": ("scheduler", "lr_schedule", "lr_scheduler"),
    "model.activation": ("act", "nonlinearity", "activation_function"),
    "model.initialisation": ("init", "initialization", "initializer"),
    "matching": ("method", "methods", "matcher", "matchings", "alignment"),
    "points": ("n_points", "num_points", "steps", "n_steps", "num_t"),
    "plan": ("dry_run", "dryrun"),
    "device": ("gpu", "cuda", "cpu"),
    "precision": ("dtype", "amp", "bf16"),
    "time_limit": ("timeout", "max_time"),
    "store.dir": ("cache", "cache_dir", "store_dir"),
    "hydra.sweep.dir": ("out", "out_dir", "output", "output_dir", "outdir", "save_dir", "sweep_dir", "folder", "dir"),
    "hydra/launcher": ("launcher",),
    "hydra.launcher.n_jobs": ("n_jobs", "jobs"),
    "hydra.launcher.workers": ("workers", "n_workers", "num_workers", "processes", "n_processes"),
}


def likely_key(typed: str, keys: Sequence[str]) -> str:
    """Return a hint with the key that was probably meant by an unknown one, or an empty string.

    Parameters
    ----------
    typed : str
        The dotted key, as it was typed.
    keys : sequence of str
        All dotted keys.
    """
    group, _, leaf = typed.rpartition(".")
    leaf = leaf.lower()
    near = nearest(leaf, [key for key in keys if key.rpartition(".")[0] == group])
    if group and near:
        return near
    alike = [key for key in keys if key.rpartition(".")[2].lower() == leaf]
    if not alike:
        alike = [key for key, names in MEANT.items() if leaf in names]
    if alike:
        return f" Did you mean {' or '.join(repr(key) for key in alike[:3])}?"
    return near or nearest(leaf, keys)
