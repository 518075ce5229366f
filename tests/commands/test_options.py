"""Keys that only some options have, whatever the launcher."""

import json


def test_every_launcher_runs_such_a_sweep_and_writes_down_what_it_has(command, tmp_path):
    words = ["optimizer=sgd,adam", "optimizer.momentum=0,0.9", "width=4", "training.epochs=1", "points=3", "matching=[weights]"]
    for launcher in ("batched", "basic"):
        completed = command(*words, f"hydra/launcher={launcher}", "hydra.sweep.dir=sweep", "-m")
        assert completed.returncode == 0, completed.stderr
        assert "3 of 3 jobs found." in completed.stdout
    entries = [json.loads(line) for line in (tmp_path / "sweep" / "expected.jsonl").read_text().splitlines()]
    assert [entry["job"] for entry in entries] == [
        "optimizer=sgd optimizer.momentum=0",
        "optimizer=sgd optimizer.momentum=0.9",
        "optimizer=adam",
    ]
    assert ["optimizer.momentum" in entry["scope"] for entry in entries] == [True, True, False]
