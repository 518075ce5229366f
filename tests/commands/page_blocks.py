"""The blocks of a Markdown page, how they are run, and how what they print is compared with what the page says.

A comment before a block says what it is, where that is not to run it:

- ``<!-- file: NAME -->``: it is written to that file;
- ``<!-- output -->``: it is part of what the block before it prints;
- ``<!-- needs: PROGRAM -->``: it is run where that program can be used;
- ``<!-- not run: REASON -->``.

``<!-- continues: quick_start.md -->`` anywhere: the page starts from the folder that the other page leaves.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import traceback
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from markdown_it import MarkdownIt

MARK = re.compile(r"<!-- (file|output|needs|not run)(?:: (.+?))? -->")
CONTINUES = re.compile(r"<!-- continues: (\S+) -->")
DECIMAL = re.compile(r"(?<![\w.])-?\d+\.\d+(?:e-?\d+)?(?!\.?\w)")
NEAR, SHARE = 0.02, 0.5  # how far printed decimals may lie from the page's, at all and in proportion: another machine rounds otherwise


@dataclass(frozen=True)
class Block:
    """A fenced block: its line, language, text, and the mark before it with what the mark says."""

    line: int
    language: str
    text: str
    mark: str = ""
    word: str = ""


def read_blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    blocks, mark = [], None
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence":
            line = token.map[0] + 1 if token.map else 0
            words = (mark[1], mark[2] or "") if mark else ("", "")
            blocks.append(Block(line, token.info.strip(), token.content, *words))
        mark = MARK.fullmatch(token.content.strip()) if token.type == "html_block" else None
    return blocks


def difference(expected: str, printed: str) -> str:
    """Return how what was printed differs from what a page says of it; nothing where it does not.

    The page's text must be a part of what was printed. ``...`` stands for anything, white space for white space; decimals may be somewhat
    off, all else is as it is.
    """
    pattern, numbers, end = "", [], 0
    for decimal in DECIMAL.finditer(expected):
        pattern += _literal(expected[end : decimal.start()]) + r"(-?\d+\.\d+(?:e[-+]?\d+)?)"
        numbers.append(float(decimal[0]))
        end = decimal.end()
    pattern += _literal(expected[end:].rstrip())
    match = re.search(pattern.strip(), printed, flags=re.DOTALL)
    if match is None:
        return f"the page says\n{expected}\nwhich is no part of\n{printed}"
    for number, shown in zip(numbers, map(float, match.groups()), strict=True):
        if abs(number - shown) > NEAR + SHARE * max(abs(number), abs(shown)):
            return f"the page says {number}, and {shown} was printed:\n{match[0]}"
    return ""


def _literal(text: str) -> str:
    parts = [r"\s+".join(re.escape(word) for word in re.split(r"\s+", part)) for part in text.split("...")]
    return ".*?".join(parts)


def run_blocks(folder: Path) -> None:
    """Run the blocks in ``blocks.json`` of a folder, in order, in it, one namespace for all of Python; ``printed.json`` says what came out."""
    blocks = [Block(**fields) for fields in json.loads((folder / "blocks.json").read_text())]
    (folder / "blocks.json").unlink()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", ".*invalid escape sequence")  # as in the tests: of packages that are compiled on the way
    sys.path.insert(0, str(folder))
    namespace: dict[str, object] = {"__name__": "page"}
    printed: list[dict[str, object]] = []
    for block in blocks:
        if block.mark == "file":
            (folder / block.word).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.word).write_text(block.text)
        elif block.mark not in ("", "needs"):
            continue
        elif block.language == "bash":
            completed = subprocess.run(["bash", "-e", "-c", block.text], cwd=folder, capture_output=True, text=True, check=False)
            printed.append({"line": block.line, "status": completed.returncode, "text": completed.stderr + completed.stdout})
        elif block.language == "python":
            printed.append({"line": block.line, **_python(block, namespace)})
    (folder / "printed.json").write_text(json.dumps(printed))


def _python(block: Block, namespace: dict[str, object]) -> dict[str, object]:
    caught = io.StringIO()
    try:
        with contextlib.redirect_stdout(caught):
            exec(compile("\n" * block.line + block.text, "page", "exec"), namespace)
    except BaseException:
        return {"status": 1, "text": caught.getvalue() + traceback.format_exc()}
    return {"status": 0, "text": caught.getvalue()}


def write_blocks(folder: Path, blocks: list[Block]) -> None:
    """Write what `run_blocks` reads."""
    (folder / "blocks.json").write_text(json.dumps([asdict(block) for block in blocks]))


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "200")
    run_blocks(Path(sys.argv[1]))
