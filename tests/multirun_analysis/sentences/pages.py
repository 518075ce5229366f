"""The pages whose numbers are held against the committed tables: one module ``page_*.py`` in this folder each, with a `PAGE`."""

from importlib import import_module
from pathlib import Path

PAGES = [import_module(path.stem).PAGE for path in sorted(Path(__file__).parent.glob("page_*.py"))]
