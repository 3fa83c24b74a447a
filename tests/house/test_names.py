"""What the package promises by name is there: `__all__`, the tree of errors, the version."""

from __future__ import annotations

import importlib
import pkgutil
import re

import jupyter_remote_gpu
from jupyter_remote_gpu import errors
from tests.house.sources import ROOT, Source


def test_every_module_can_be_imported() -> None:
    prefix = "jupyter_remote_gpu."
    found = [m.name for m in pkgutil.walk_packages(jupyter_remote_gpu.__path__, prefix)]
    assert len(found) > 10
    for name in found:
        if not name.endswith(".__main__"):
            importlib.import_module(name)


def test_all_is_true(package: list[Source]) -> None:
    for source in package:
        module = source.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if "__all__" not in source.text or module.endswith(".__main__"):
            continue
        names: list[str] = importlib.import_module(module).__all__
        assert len(set(names)) == len(names), f"{module}.__all__ names something twice"
        missing = [name for name in names if not hasattr(importlib.import_module(module), name)]
        assert missing == [], f"{module}.__all__ names what is not there"


def _drawn_tree(docstring: str) -> dict[str, str]:
    """Return parent by class, read from the drawing with its four-column indents."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in docstring.splitlines():
        found = re.match(r"^([│├└─ ]*)([A-Z]\w+Error)\b", line)
        if not found:
            continue
        depth = len(found.group(1)) // 4
        path = [*path[:depth], found.group(2)]
        if depth:
            parents[path[depth]] = path[depth - 1]
    return parents


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    real = {
        name: cls.__bases__[0].__name__
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, errors.RemoteGPUError)
    }
    assert real.pop("RemoteGPUError") == "Exception"
    assert errors.__doc__ is not None
    assert _drawn_tree(errors.__doc__) == real


def test_the_changelog_knows_this_version() -> None:
    version = jupyter_remote_gpu.__version__
    release = re.sub(r"\.?(?:dev|rc|a|b)\d+$", "", version)
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    wanted = "Unreleased" if "dev" in version else release
    assert headings[:1] == [wanted]
