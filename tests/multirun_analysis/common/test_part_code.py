"""The digest of the code of a user's own part."""

from pathlib import Path

import pytest

from multirun_analysis import plots
from multirun_analysis.common.part_code import code_digest
from multirun_analysis.common.registry import PARTS, extend_packages, modules

PLOT = "from multirun_analysis.plots._marks import MARK\n\n\nclass Dots:\n    mark = MARK\n"


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function from the files of a folder, by name, to the digest of the class in ``plots/dots.py``."""

    def digest(name: str, files: dict[str, bytes]) -> str | None:
        for file, contents in files.items():
            path = tmp_path / name / "plots" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents)
        monkeypatch.setenv(PARTS, str(tmp_path / name))
        return code_digest(modules("multirun_analysis.plots")["dots"].Dots)

    yield digest
    monkeypatch.delenv(PARTS, raising=False)
    extend_packages()


def test_it_is_of_the_files_that_are_imported_and_not_of_their_place_or_the_ends_of_their_lines(digest):
    plot, mark = PLOT.encode(), b"MARK = 1\n"
    first = digest("a", {"dots.py": plot, "_marks.py": mark})
    assert first is not None
    assert len(first) == 8
    assert digest("b", {"dots.py": plot.replace(b"\n", b"\r\n"), "_marks.py": mark, "_other.py": b"X = 1\n"}) == first
    assert digest("c", {"dots.py": plot, "_marks.py": b"MARK = 2\n"}) != first
    assert digest("d", {"dots.py": plot + b"\n# more\n", "_marks.py": mark}) != first


def test_parts_of_ours_have_none():
    assert {code_digest(type(kind)) for kind in plots.choices().values()} == {None}
