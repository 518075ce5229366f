"""The example notebooks run from their first cell to the last, and show tables and figures."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
FIGURES = {"sweep.ipynb": 2, "figure_from_tables.ipynb": 1}


@pytest.mark.slow
@pytest.mark.needs("nbclient", "ipykernel")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
@pytest.mark.filterwarnings("default")  # of Jupyter's own parts, which are not ours to mend
def test_a_notebook_runs_and_shows_its_tables_and_figures(path, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("LMC_SWEEPS_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # of commands that another test has run in this process
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    folder = tmp_path / "examples" / "notebooks"
    shutil.copytree(path.parent, folder)
    (tmp_path / "results").symlink_to(ROOT / "results")
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "a notebook is kept without its outputs"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in data for data in outputs) == FIGURES[path.name]
    tables = [output.get("data", {}).get("text/html", "") for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("<td>" in table for table in tables)
    if path.name == "sweep.ipynb":  # the results' own
        assert any("9 of 9 jobs in my_sweep." in table for table in tables)


def test_every_notebook_is_run():
    assert {path.name for path in NOTEBOOKS} == set(FIGURES)
