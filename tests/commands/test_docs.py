"""The documents: every block is run as a reader would run it, every output compared, every link followed."""

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from page_blocks import CONTINUES, Block, difference, read_blocks, write_blocks
from pictures import pictures
from programs import usable
from sharing import made_once
from warm_python import FIGURES

from multirun_analysis import plots

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = [page for page in PAGES if page.parent.name != "reference"]  # its blocks are signatures
LINKING = [*PAGES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "results").glob("*/README.md"))]
LANGUAGES = {"bash", "python", "yaml", ""}
# What is done smaller here than it is written there: (page, as written, as run). Each must be found. DIR is a folder of a few pictures.
SMALLER = [
    ("README.md", "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/python", "python"),
    ("docs/cluster.md", "width=8,16,32 seed=0,1,2", "width=8,16 seed=0"),
    ("docs/how_to/resume.md", "my_sweep rates --out both", "my_sweep rates --out both --only runs"),
    ("docs/keys.md", "width=8,32,128 seed=0,1,2 depth=1,2 -m", "width=8 seed=0 depth=1,2 training.epochs=1 -m"),
    ("docs/keys.md", "dataset.root=DIR width=32,64,128 training.epochs=10", "dataset.root=DIR width=4 training.epochs=1"),
    ("docs/keys.md", "width=64 matching", "width=4 training.epochs=1 matching"),
    ("docs/keys.md", "experiment=paper_figure2 dataset.root=DIR", "experiment=paper_figure2_smoke"),
    ("docs/keys.md", "experiment=width_digits ", "experiment=width_digits width=8 seed=0 training.epochs=1 "),
    ("docs/quick_start.md", "multirun_analysis my_sweep\n", "multirun_analysis my_sweep --only runs\n"),
]  # fmt: skip
COMPLETE = "docs/quick_start.md"  # whose sweep has all the files that docs/sweep_folder.md names
# What a page's Python takes for granted.
ASSUMED = {
    "README.md": """
import torch
torch.manual_seed(0)
network_a, network_b = (torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3)) for _ in range(2))
x, y = torch.randn(40, 4), torch.arange(40) % 3
x_test, y_test = x, y
""",
}


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="session")
def page_folder(tmp_path_factory: pytest.TempPathFactory, warm_python: dict[str, str]) -> Callable[[Path], Path]:
    """Return a function that runs a page, once for all processes, and returns the folder in which it was run."""

    def run(page: Path, folder: Path) -> None:
        text = page.read_text()
        for before in CONTINUES.findall(text):
            shutil.copytree(page_folder((page.parent / before).resolve()), folder, dirs_exist_ok=True)
        pictures(folder / "pictures")
        here = [block for block in read_blocks(text) if block.mark != "needs" or usable(block.word)]
        blocks = [*assumed_blocks(page), *(smaller(page, block, folder) for block in here)]
        write_blocks(folder, blocks)
        completed = subprocess.run(
            ["python", Path(__file__).parent / "page_blocks.py", folder],
            cwd=folder,
            env=warm_python | drawing(page) | {"LMC_SWEEPS_STORE": str(folder / "store")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr

    def page_folder(page: Path) -> Path:
        return made_once(tmp_path_factory, page_name(page).replace("/", "_"), lambda folder: run(page, folder))

    return page_folder


def drawing(page: Path) -> dict[str, str]:
    """Return an environment in which commands draw the figures that a page's blocks name: nobody sees the others, and they take long."""
    if page_name(page) == COMPLETE:
        return {}
    blocks = "\n".join(block.text for block in read_blocks(page.read_text()))
    return {FIGURES: ",".join(name for name in plots.choices() if re.search(rf"\b{name}\b", blocks))}


def assumed_blocks(page: Path) -> list[Block]:
    return [Block(0, "python", ASSUMED[page_name(page)])] if page_name(page) in ASSUMED else []


def smaller(page: Path, block: Block, folder: Path) -> Block:
    text = block.text
    for name, written, run in SMALLER:
        if name == page_name(page) and block.language in ("bash", "python"):
            text = text.replace(written, run)
    text = text.replace("=DIR", f"={folder / 'pictures'}")
    return Block(block.line, block.language, text, block.mark, block.word)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in RUN if read_blocks(page.read_text())], ids=page_name)
def test_every_block_runs_and_prints_what_the_page_says(page, page_folder):
    folder = page_folder(page)
    printed = {output["line"]: output for output in json.loads((folder / "printed.json").read_text())}
    failed = [f"line {line}:\n{output['text']}" for line, output in printed.items() if output["status"]]
    assert not failed, "\n".join(failed)
    last = ""
    for block in read_blocks(page.read_text()):
        if block.mark == "output":
            message = difference(block.text, last)
            assert not message, f"line {block.line}: {message}"
        elif block.line in printed:
            last = printed[block.line]["text"]
        else:
            assert block.mark in ("file", "needs", "not run"), f"line {block.line} was not run, and no mark says why"


NEEDING = [(page, block.line, block.word) for page in RUN for block in read_blocks(page.read_text()) if block.mark == "needs"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "line"),
    [pytest.param(page, line, marks=pytest.mark.needs(program), id=f"{page_name(page)}-{program}") for page, line, program in NEEDING],
)
def test_a_block_that_needs_a_program_was_run_with_the_others(page, line, page_folder):
    assert line in [block["line"] for block in json.loads((page_folder(page) / "printed.json").read_text())]


@pytest.mark.parametrize("page", RUN, ids=page_name)
def test_every_block_says_what_it_is(page):
    for block in read_blocks(page.read_text()):
        if block.mark == "not run":
            assert block.word, f"line {block.line}: no reason is given"
        else:
            assert block.language in LANGUAGES, f"line {block.line}: {block.language}"
            assert (block.language in ("bash", "python")) == (block.mark in ("", "needs")) or block.mark == "file", (
                f"line {block.line}: mark it"
            )


def test_a_model_of_ones_own_module_takes_under_twenty_lines_of_code():
    blocks = read_blocks((ROOT / "docs" / "how_to" / "own_model.md").read_text())
    (text,) = [block.text for block in blocks if block.word == "my_parts/models/gated.py"]
    assert len([line for line in text.splitlines() if line.strip() and not line.startswith('"""')]) < 20


def test_what_is_done_smaller_is_written_there():
    for page, written, _ in SMALLER:
        assert written in (ROOT / page).read_text(), written


def test_the_reference_is_what_its_generator_makes():
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "docs" / "generate_reference.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    pages = {path.name: path.read_text() for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert pages == generator.pages(), "run: python docs/generate_reference.py"


def test_no_example_of_a_docstring_is_skipped():
    """An example that cannot run stands as text, not as a session: CI counts a skipped one as a test that it lacks."""
    files = [path for folder in ("lmc_sweeps", "multirun_analysis", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py")]
    assert not [str(path) for path in files if "+SKIP" in path.read_text()]


def page_links(text: str) -> list[str]:
    """Return the targets of links and pictures of a page, in tables and HTML too."""
    targets = re.findall(r'(?:href|src)="([^"]+)"', text)
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        for child in token.children or []:
            targets += [str(child.attrs[key]) for key in ("href", "src") if key in child.attrs]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def page_anchors(text: str) -> set[str]:
    """Return the anchors that a forge makes of a page's headings: lower case, no punctuation, hyphens for spaces."""
    tokens = MarkdownIt("commonmark").parse(text)
    headings = [tokens[k + 1].content for k, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKING, ids=page_name)
def test_every_link_leads_somewhere(page):
    for target in page_links(page.read_text()):
        file_name, _, anchor = target.partition("#")
        file = (page.parent / file_name).resolve() if file_name else page
        assert file.exists(), target
        assert not anchor or anchor in page_anchors(file.read_text()), target


def test_links_in_tables_and_to_missing_anchors_are_seen():
    text = "# A b, `c`\n\n| x |\n|---|\n| [![y](z.png)](u.md#v) |\n\n[out](https://example.org) [here](#a-b-c)\n"
    assert sorted(page_links(text)) == ["#a-b-c", "u.md#v", "z.png"]
    assert page_anchors(text) == {"a-b-c"}


def test_what_a_page_says_is_compared_with_what_is_printed():
    printed = "a table\nwidth  mean\n 8     0.271 ± 0.001\nin 3 s\n"
    assert not difference("width mean\n8 0.270 ± 0.001\nin ... s", printed)
    assert difference("width mean\n16 0.270 ± 0.001", printed).startswith("the page says\nwidth mean\n16")
    assert difference("8 0.9 ± 0.001", printed) == "the page says 0.9, and 0.271 was printed:\n8     0.271 ± 0.001"


def test_blocks_are_found_with_their_marks():
    text = "<!-- file: a/b.py -->\n```python\nx = 1\n```\n\n<!-- not run: needs a GPU -->\n\n```bash\nls\n```\n\ntext\n\n```\nplain\n```\n"
    blocks = read_blocks(text)
    assert [(block.language, block.mark, block.word) for block in blocks] == [
        ("python", "file", "a/b.py"),
        ("bash", "not run", "needs a GPU"),
        ("", "", ""),
    ]


def test_every_study_that_is_kept_has_its_section_with_commands_that_exist():
    text = (ROOT / "docs" / "results.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, flags=re.DOTALL | re.MULTILINE))
    assert sorted(sections) == sorted(path.parent.name for path in (ROOT / "results").glob("*/README.md"))
    for name, section in sections.items():
        assert f"(../results/{name}/README.md)" in section
        experiments = set(re.findall(r"python -m lmc_sweeps experiment=(\w+) ", section))
        named = {path.stem for path in (ROOT / "conf" / "experiment").glob(f"{name}*.yaml")}  # several begin with the name of their study
        assert experiments == ({name} if name in named else {each for each in named if not each.endswith("_smoke")})
        assert re.search(rf"python -m multirun_analysis (\w+ )+--study {name}\n", section)
        assert (ROOT / "multirun_analysis" / "studies" / f"{name}.py").is_file()


@pytest.mark.slow
def test_the_files_that_a_page_names_are_left_behind(page_folder):
    tree = next(block.text for block in read_blocks((ROOT / "docs" / "sweep_folder.md").read_text()) if "SWEEP_DIR/" in block.text)
    left = {path.name for path in (page_folder(ROOT / COMPLETE) / "my_sweep").rglob("*")}
    rare = {"plane.csv", "records.index", "training_curves.csv"}  # with plane=true; of 200 records and more; with training.curve_epochs
    assert set(re.findall(r"\w+\.(?:csv|html|png|jsonl|json|npz|index)\b", tree)) - rare <= left
