"""Rows of runs and layers made by hand, whose measures follow a known law over four seeds."""

import pandas as pd

SEEDS = range(4)


def jitter(seed: int) -> float:
    """Return a factor that is 1 in the mean over the seeds."""
    return 1 + 0.02 * (seed - 1.5)


def pair(width: int, seed: int, **others: object) -> dict[str, object]:
    run = f"{width}-{seed}-{sorted(others.items())}"
    return {
        "run_id": run,
        "status": "ok",
        "width": width,
        "seed": seed,
        "network_a": f"{run}a",
        "network_b": f"{run}b",
        "repair": "none",
        **others,
    }


def mean_field_frames(movement_at_64: float = 1.0) -> dict[str, pd.DataFrame]:
    rows = []
    for width in (16, 64, 256):
        for seed in SEEDS:
            for method, gap in (
                ("identity", 1.0),
                ("weights[biases=false, outgoing=false]", 0.3),
                ("weights[biases=true, outgoing=true]", width**-0.5),
            ):
                rows.append(
                    pair(width, seed)
                    | {
                        "matching": method, "split": "test", "loss_a": 0.3, "loss_b": 0.32, "error_a": 0.1, "error_b": 0.1, "output_gap": gap * jitter(seed), "certificate": 10 * gap,
                        "certificate_ratio": 10 / jitter(seed), "certificate_status": "holds", "loss_barrier": 0.1 * gap,
                        "relative_movement": {16: 5.0, 64: movement_at_64, 256: 1.0}[width],
                    }
                )  # fmt: skip
    runs = pd.DataFrame(rows)
    table = runs.groupby(["matching", "width", "split"])["loss_barrier"].mean().rename("mean").reset_index()
    table = table.assign(metric="loss_barrier", n_pairs=4, ci_low=table["mean"], ci_high=table["mean"], interval="of some kind")
    return {"runs": runs, "barrier_vs_width": table}
