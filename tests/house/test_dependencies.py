"""What the code imports is what the project declares."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache

import pytest
from packaging.requirements import Requirement

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
_sources = cache(sources_below)  # read and parsed once for all tests here


def _requirements(table: str, key: str) -> list[Requirement]:
    """Return what a list of pyproject.toml names."""
    text = (ROOT / "pyproject.toml").read_text()
    section = text.partition(f"\n[{table}]\n")[2].partition("\n[")[0]
    found = re.search(rf"^{key} = \[(.*?)\]", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    return [Requirement(one) for one in re.findall(r'^ *"([^"]+)"', found[1], re.MULTILINE)]


def _declared(table: str, key: str) -> set[str]:
    """Return the packages that a list of pyproject.toml names, without their versions."""
    return {one.name for one in _requirements(table, key)}


def _everything() -> set[str]:
    """Return the packages that the project names anywhere."""
    extras = ("test", "dev", "demo", "torch")
    return _declared("project", "dependencies").union(
        *(_declared("project.optional-dependencies", extra) for extra in extras)
    )


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
    found = _imported(_sources(folder))
    assert {k: v for k, v in found.items() if k not in _everything()} == {}


def test_extras_hold_what_a_test_is_skipped_without() -> None:
    """Else no computer ever runs it, and nobody notices."""
    asks = {"pytest.importorskip", "find_spec", "importlib.util.find_spec"}
    wanted = {
        INSTALLED_AS.get(top := call.args[0].value.partition(".")[0], top): source.name
        for source in _sources("tests") + _sources("benchmarks")
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call)
        and call.args
        and ast.unparse(call.func) in asks
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }
    assert {"kagglehub", "huggingface_hub", "s3fs", "keyring"} <= set(wanted)
    assert {k: v for k, v in wanted.items() if k not in _everything()} == {}


def test_nothing_that_colab_has_is_replaced_by_us() -> None:
    """Its kernel has loaded some of it before anybody can install us."""
    pins = (ROOT / "tests" / "constraints-colab.txt").read_text().splitlines()
    there = dict(line.split("==") for line in pins if not line.startswith("#"))
    asked = _requirements("project", "dependencies")
    replaced = [
        str(one) for one in asked if one.name in there and there[one.name] not in one.specifier
    ]
    assert replaced == []
    assert {"ipython", "ipykernel", "urllib3", "jupyter_client"} <= set(there)
