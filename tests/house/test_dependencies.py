"""What the code imports is what the project declares."""

from __future__ import annotations

import ast
import re
import sys

import pytest

from tests.house.sources import ROOT, Source, sources_below
from tests.house.test_arrows import HEAVY

# Import names that differ from the names of what one installs.
INSTALLED_AS = {
    "IPython": "ipython",
    "zmq": "pyzmq",
    "sklearn": "scikit-learn",
    "importlinter": "import-linter",
    "tomllib": "tomli",
    "yaml": "pyyaml",
    "websocket": "websocket-client",
}
OURS = {"jupyter_remote_gpu", "tests", "examples", "benchmarks"}


def _declared(table: str, key: str) -> set[str]:
    """Return the packages that a list of pyproject.toml names, without their versions."""
    text = (ROOT / "pyproject.toml").read_text()
    section = text.partition(f"\n[{table}]\n")[2].partition("\n[")[0]
    found = re.search(rf"^{key} = \[(.*?)\]", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    return set(re.findall(r'"([A-Za-z0-9_-]+)', found.group(1)))


def _imported(sources: list[Source]) -> dict[str, str]:
    """Return each foreign package that is imported, with one file that does."""
    found: dict[str, str] = {}
    for source in sources:
        for node in ast.walk(source.tree):
            modules: list[str] = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules = [node.module]
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in OURS:
                    found[INSTALLED_AS.get(top, top)] = source.name
    return found


def test_the_package_imports_only_what_it_declares(package: list[Source]) -> None:
    # The user's own libraries are met only where his code has imported them.
    own = {INSTALLED_AS.get(name, name) for name in HEAVY}
    declared = _declared("project", "dependencies") | own
    assert {k: v for k, v in _imported(package).items() if k not in declared} == {}


@pytest.mark.parametrize("folder", ["examples", "tests", "benchmarks"])
def test_extras_hold_what_the_rest_imports(folder: str) -> None:
    extras = ("test", "dev", "demo", "torch")
    declared = _declared("project", "dependencies").union(
        *(_declared("project.optional-dependencies", extra) for extra in extras)
    )
    found = _imported(sources_below(folder))
    assert {k: v for k, v in found.items() if k not in declared} == {}
