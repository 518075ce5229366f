"""Names on demand: the same objects as in their modules, in every order of imports, and no import before they are asked for."""

import importlib
import subprocess
import sys

import pytest

ORDERS = (
    "from lmc_sweeps import compare",
    "import lmc_sweeps.compare; from lmc_sweeps import compare",
    "from lmc_sweeps.compare import compare; import lmc_sweeps; compare = lmc_sweeps.compare",
    "from lmc_sweeps import compare; import lmc_sweeps.compare; import lmc_sweeps; compare = lmc_sweeps.compare",
)


@pytest.mark.parametrize("package", ["lmc_sweeps", "multirun_analysis"])
def test_every_public_name_is_there_and_is_that_of_its_module(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        assert name in dir(module)
        if name != "__version__":
            assert value is getattr(importlib.import_module(value.__module__), name)


@pytest.mark.slow
def test_a_function_is_never_hidden_by_the_module_of_its_name() -> None:
    for order in ORDERS:
        code = f"{order}\nprint(type(compare).__name__, compare.__module__, compare.__name__)"
        printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        assert printed == "function lmc_sweeps.compare compare\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ("import lmc_sweeps, multirun_analysis", ("torch", "pandas", "numpy", "hydra")),
        ("from lmc_sweeps.cli import main; import sys; sys.argv = ['x', '--help']; main()", ("torch", "pandas", "numpy", "scipy")),
        ("from multirun_analysis.__main__ import main; main(['--help'])", ("pandas", "numpy", "scipy", "matplotlib")),
    ],
)
def test_what_a_command_does_not_need_is_not_imported(command: str, heavy: tuple[str, ...]) -> None:
    code = f"try:\n    {command}\nexcept SystemExit:\n    pass\nimport sys\nprint([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ended.stderr.splitlines()[-1] == "[]"


def test_other_names_are_not_there() -> None:
    module = importlib.import_module("lmc_sweeps")
    with pytest.raises(AttributeError, match="^module 'lmc_sweeps' has no attribute 'compares'$"):
        _ = module.compares
