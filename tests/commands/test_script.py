"""Which folder a script's project is, and what it imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.commands.script import find_project, own_modules
from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.machines.registry import Registry


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a script below it, its modules, and what it does not use."""
    files = {
        "repo/tools/train.py": "import near, parts.deep\nfrom os import path\n",
        "repo/tools/near.py": "import far\n",
        "repo/tools/far.py": "import near\n",
        "repo/tools/other.py": "",
        "repo/tools/parts/__init__.py": "",
        "repo/tools/parts/deep.py": "from . import hidden\n",
        "repo/tools/parts/hidden.py": "",
        "repo/tools/unused/__init__.py": "",
        "repo/data.csv": "1",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "repo/.git").mkdir()
    return tmp_path / "repo"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A list of machines with nothing in it."""
    return Registry(tmp_path / "settings")


def test_it_runs_in_ones_folder_if_that_is_the_projects(project: Path, registry: Registry) -> None:
    found = find_project("tools/train.py", project, registry)
    assert (found.root, found.cwd, found.subfolder) == (project, project, "")
    found = find_project("train.py", project / "tools", registry)
    assert (found.root, found.cwd, found.subfolder) == (project, project / "tools", "tools")


def test_elsewhere_it_runs_in_its_own_folder(project: Path, registry: Registry) -> None:
    (project.parent / "away").mkdir()
    found = find_project(str(project / "tools/train.py"), project.parent / "away", registry)
    assert (found.root, found.cwd) == (project, project / "tools")


@pytest.mark.parametrize("name", ["gone.py", "tools"])
def test_what_is_no_script_is_told(project: Path, registry: Registry, name: str) -> None:
    with pytest.raises(RequestError, match=name):
        find_project(name, project, registry)


def test_modules_of_its_own_are_found_through_each_other(project: Path) -> None:
    tools = project / "tools"
    names = {path.relative_to(tools).as_posix() for path in own_modules(tools / "train.py")}
    assert names == {
        "train.py",
        "near.py",
        "far.py",
        "parts/__init__.py",
        "parts/deep.py",
        "parts/hidden.py",
    }
