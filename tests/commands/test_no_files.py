"""What is no file in the place of what a sweep writes."""

import os


def test_what_is_no_file_in_the_place_of_any_that_a_sweep_writes_holds_it_not_up(command, tmp_path):
    sweep = ["-m", "width=4", "training.epochs=1", "points=3", "matching=[weights]", "hydra.sweep.dir=sweep"]
    completed = command(*sweep)
    assert completed.returncode == 0, completed.stderr
    table = (tmp_path / "sweep" / "analysis" / "barrier_vs_width.csv").read_bytes()
    spoilt = [path for folder in ("sweep", "store") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    spoilt = [path for path in spoilt if "analysis" not in path.parts]
    treasure = tmp_path / "treasure"
    treasure.write_text("of the user's")
    for path in spoilt:
        path.unlink()
        if path.name in ("record.json", "permutations.npz", "sweep.log", "multirun.yaml", "hydra.yaml"):
            path.symlink_to(treasure)
        else:
            os.mkfifo(path)
    again = command(*sweep)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "sweep" / "analysis" / "barrier_vs_width.csv").read_bytes() == table
    assert "Traceback" not in again.stderr
    assert treasure.read_text() == "of the user's"
