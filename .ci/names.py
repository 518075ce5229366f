"""``python .ci/names.py [FOLDER ...]``: names that do not say what they hold, wherever one is bound; ends with 1 if there are any."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("lmc_sweeps", "multirun_analysis", "tests", "benchmarks", "examples", "docs", ".ci")
EMPTY = frozenset(
    "found of said told asked place there came came_of noted known given kept what where which rest done seen ours theirs wanted".split()
)


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that a module binds, with its line: variables, arguments, functions, classes, attributes, aliases."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.alias) and node.asname is not None:
            yield getattr(node, "lineno", 0), node.asname


def empty_names(folder: Path) -> list[tuple[str, str]]:
    """Return where a name of `EMPTY` is bound below a folder, and the name."""
    return [
        (f"{path}:{line}", name)
        for path in sorted(folder.rglob("*.py"))
        for line, name in bound_names(ast.parse(path.read_text(encoding="utf-8")))
        if name.strip("_") in EMPTY
    ]


if __name__ == "__main__":
    total = 0
    for folder in sys.argv[1:] or FOLDERS:
        names = empty_names(Path(folder))
        counts = Counter(name.strip("_") for _, name in names)
        print(f"{folder}: {len(names)}" + "".join(f", {name} {count}" for name, count in counts.most_common()))
        if len(names) <= 20:
            print(*(f"  {position} {name}" for position, name in names), sep="\n", end="\n" if names else "")
        total += len(names)
    sys.exit(1 if total else 0)
