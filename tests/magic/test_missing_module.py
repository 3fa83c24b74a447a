"""What is said of a module that is missing on an added machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.magic.missing_module import missing_text


def _error(module: str, name: str = "ModuleNotFoundError") -> dict[str, str]:
    return {"name": name, "value": f"No module named '{module}'"}


def test_what_is_on_neither_side_can_be_installed_there() -> None:
    text = missing_text(_error("no_such_module_there.part"), "box")
    assert text is not None
    assert "no_such_module_there is not installed here" in text
    assert "`%pip install no_such_module_there`" in text
    assert "on box" in text


def test_a_file_of_this_computer_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_model_code.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = missing_text(_error("own_model_code"), "box")
    assert text is not None
    assert f"own_model_code is a file of this computer ({tmp_path}" in text


@pytest.mark.parametrize(
    "error", [_error("pytest"), _error("no_such_module", "KeyError"), {"name": "ValueError"}]
)
def test_nothing_is_said_of_other_failures(error: dict[str, str]) -> None:
    assert missing_text(error, "box") is None
