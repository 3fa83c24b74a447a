"""What a user is told whose cell looked for data where Kaggle has them, and found none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jupyter_remote_gpu.files.path_text import path_text

_AT_KAGGLE = re.compile(
    r"['\"](?:/kaggle|\.\.)/(?:(?P<working>working)|input)(?:/(?P<name>[^/'\"]+))?(?P<rest>[^'\"]*)"
)


def asks_kaggle(error: Mapping[str, Any]) -> bool:
    """Whether a remote cell's exception is about a path of Kaggle's that is not there."""
    value = str(error.get("value", ""))
    return error.get("name") == "FileNotFoundError" and _AT_KAGGLE.search(value) is not None


def missing_data_text(error: Mapping[str, Any], machine: str, data: Mapping[str, str]) -> str:
    """Return the line for an exception that `asks_kaggle`.

    `data` are those of the project on the machine: {path from the notebook's folder:
    address with version}.
    """
    found = _AT_KAGGLE.search(str(error["value"]))
    assert found is not None
    name, rest = found["name"], found["rest"]
    if found["working"]:
        return f"{machine} has no /kaggle/working: cells work in the notebook's own folder there"
    for at, text in data.items():
        if name is not None and at.rpartition("/")[2] == name:
            return f"{text} is at {path_text(at)} on {machine}: read {path_text(at + rest)}"
    called = "of Kaggle" if name is None else f"called {path_text(name)}"
    return (
        f"{machine} has no data {called} for this project: `%remote_gpu data"
        f" kaggle://OWNER/{name or 'NAME'}` fetches a dataset, `kaggle-competition://"
        f"{name or 'NAME'}` a competition's files"
    )
