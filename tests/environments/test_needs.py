"""What one notebook needs, and when that is something else than before."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.environments.needs import needs


@pytest.mark.parametrize(
    ("line", "kept", "dropped"),
    [
        ("seaborn", ["seaborn"], 0),
        ("-U -q seaborn 'polars>=1'", ["seaborn", "polars>=1"], 0),
        ("polars >= 1 ; python_version > '3'", ["polars >= 1 ; python_version > '3'"], 0),
        (
            "--index-url https://example.org/simple lab",
            ["--index-url https://example.org/simple", "lab"],
            0,
        ),
        ("git+https://example.org/tool.git@v1", ["git+https://example.org/tool.git@v1"], 0),
        ("tool @ git+https://example.org/t.git", ["tool @ git+https://example.org/t.git"], 0),
        ("-e .", [], 1),
        ("-r requirements.txt seaborn", ["seaborn"], 1),
        ("./dist/own-1.0-py3-none-any.whl", [], 1),
        ("--extra-index-url https://me:pa55word@host/simple lab", ["lab"], 1),
        ("git+https://ghp_pa55word@example.org/t.git", [], 1),
    ],
)
def test_lines_that_were_installed_by_hand(
    folder: Path, line: str, kept: list[str], dropped: int
) -> None:
    found = needs(folder, [], [line])
    assert list(found.extras) == kept
    assert len(found.left_out) == dropped
    assert "pa55word" not in repr(found)


def test_the_same_needs_have_the_same_key(folder: Path) -> None:
    (folder / "requirements.txt").write_text("numpy\n-r more.txt\n")
    (folder / "more.txt").write_text("pandas\n")
    cells = ["import numpy", "x = 1"]
    keys = [needs(folder, cells).key]
    assert needs(folder, [*cells, "y = 2", "import numpy as np"]).key == keys[0]
    keys.append(needs(folder, [*cells, "import yaml"]).key)
    keys.append(needs(folder, cells, ["seaborn"]).key)
    (folder / "more.txt").write_text("polars\n")
    keys.append(needs(folder, cells).key)
    (folder / "uv.toml").write_text("[pip]\nprerelease = 'allow'\n")
    keys.append(needs(folder, cells).key)
    assert len(set(keys)) == len(keys)


def test_code_of_the_users_own_is_said_to_be_none_of_an_index(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "my_model.py").write_text("")
    monkeypatch.syspath_prepend(str(folder))
    found = needs(folder, ["import my_model, nosuchmodule", "import jupyter_remote_gpu"])
    assert found.imported == {}
    assert found.left_out == (
        f"`my_model` is code of yours ({folder / 'my_model.py'}), not a package of an index:"
        " nothing is installed for it on the machine",
    )
    carried = needs(folder, ["import my_model, nosuchmodule"], (), folder)
    assert carried.left_out == ()
