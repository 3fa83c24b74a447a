"""What the project's own modules import counts as the notebook's."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_remote_gpu.commands.own_modules import OwnModules
from tests.files.trees import write


def test_modules_and_what_they_import_are_read(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(
        root,
        {
            "nb/train.py": "import net.layers, numpy",
            "src/net/__init__.py": "",
            "src/net/layers.py": "from . import deep",
            "src/net/deep.py": "import einops",
            "spaces/part/tool.py": "import yaml",
            "other.py": "import never",
        },
    )
    write(tmp_path, {"outside/far.py": "import nothing"})
    own = OwnModules(root)
    places = [root / "nb", root / "src", root / "spaces", tmp_path / "outside"]
    cells = ["import train, far", "x = 1", "from part.tool import run"]
    assert sorted(own.texts(cells, places)) == [
        "",
        "from . import deep",
        "import einops",
        "import net.layers, numpy",
        "import yaml",
    ]
    assert own.texts(["x = 1"], places) == []


def test_an_edit_is_seen_and_what_is_gone_is_not(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": "import one"})
    own, cells = OwnModules(tmp_path), ["import train"]
    assert own.texts(cells, [tmp_path]) == ["import one"]
    write(tmp_path, {"train.py": "import helpers_of_mine", "helpers_of_mine.py": "import two"})
    os.utime(tmp_path / "train.py", ns=(1, 1))
    assert own.texts(cells, [tmp_path]) == ["import helpers_of_mine", "import two"]
    (tmp_path / "train.py").unlink()
    assert own.texts(cells, [tmp_path]) == []


def test_modules_that_import_each_other_end(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "import b", "b.py": "import a"})
    assert sorted(OwnModules(tmp_path).texts(["import a"], [tmp_path])) == ["import a", "import b"]
