"""``python .ci/imports.py``: how the packages import one another's parts: what stands at a root, in how many layers, with how many imports.

A part is a module or a folder at a package's root. Needs grimp, which comes with import-linter.
"""

import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

NOT_COUNTED = "_plugin_root"  # what Hydra must find by another way


def figures(package: str) -> dict[str, int]:
    """Return the numbers of a package: parts at its root, layers of them, pairs of them of which one imports the other, and cycles."""
    graph = grimp.build_graph(package, cache_dir=None)
    parts = {name: name.split(".")[1] for name in graph.modules if "." in name and NOT_COUNTED not in name}
    imports: dict[str, set[str]] = {part: set() for part in parts.values()}
    for module, part in parts.items():
        for imported in graph.find_modules_directly_imported_by(module):
            if imported in parts and parts[imported] != part:
                imports[part].add(parts[imported])
    height: dict[str, int] = {}
    cycles = 0
    try:
        for part in TopologicalSorter(imports).static_order():
            height[part] = 1 + max((height[below] for below in imports[part]), default=0)
    except CycleError:
        cycles = 1
    return {
        "parts at the root": len(imports),
        "of them folders": sum(1 for part in imports if any(name.startswith(f"{package}.{part}.") for name in parts)),
        "layers": max(height.values(), default=0),
        "imports between parts": sum(map(len, imports.values())),
        "cycles": cycles,
    }


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    for name in ("lmc_sweeps", "multirun_analysis"):
        print(f"{name}: {', '.join(f'{quantity} {number}' for quantity, number in figures(name).items())}")
