"""Working folder, `sys.path` and environment variables, as the notebook changed them.

Each side tells its changes since it started, with paths relative to its own
folder, so that a workspace elsewhere maps onto the notebook's. What looks like
a secret, and what is the machine's own, never leaves.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from .unit import AmbientUnit

_SECRET_NAME = re.compile(
    r"(?i)(^|_)(key|pass|pwd|pat|auth\w*|cookie\w*|session\w*|private)s?($|_)"
    r"|(api|access)_?key|token(s?$|s?_)|secret|passw|credential"
)
_SECRET_VALUE = re.compile(
    r"^(sk-|ghp_|gho_|github_pat_|hf_|xox[abp]-|AKIA|eyJ|-----BEGIN)|://[^/\s:]+:[^/\s@]+@"
)
_DENSE = re.compile(r"^[A-Za-z0-9+/=_-]{32,}$")
_MACHINE_NAME = re.compile(
    r"^(PATH|HOME|USER|LOGNAME|SHELL|PWD|OLDPWD|TMPDIR|TEMP|TMP|LANG|LC_.*|LD_.*|DYLD_.*"
    r"|SSH_.*|XDG_.*|VIRTUAL_ENV.*|CONDA.*|PYTHON.*|CUDA_VISIBLE_DEVICES|NVIDIA_.*|ROCR_.*|HIP_.*|HOST.*|DISPLAY"
    r"|TERM.*|COLUMNS|LINES|JPY_.*|JUPYTER.*|IPY.*|MPLBACKEND|PYDEVD.*|VSCODE.*|GIT_.*|COLAB.*|_)$"
)


def is_secret(name: str, value: str) -> bool:
    """Say whether an environment variable looks like a credential, by name or by value."""
    if _SECRET_NAME.search(name) or _SECRET_VALUE.search(value):
        return True
    dense = _DENSE.match(value) is not None
    return dense and any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def is_machines_own(name: str) -> bool:
    """Say whether an environment variable describes the machine rather than the work."""
    return _MACHINE_NAME.match(name) is not None


SURROUNDINGS = frozenset({"os.getcwd", "sys.path", "os.environ"})
"""The names of these units."""


class Surroundings:
    """This process's folder, paths and variables, against what they were at the start."""

    def __init__(self) -> None:
        self.base = os.getcwd()
        self._paths = list(sys.path)
        self._variables = dict(os.environ)
        self._told: dict[str, str | None] = {}  # changes made here, and those taken over
        self.held_back: set[str] = set()  # variables that were changed but not told

    def units(self) -> tuple[AmbientUnit, ...]:
        """Return the hidden units that these are."""
        return (
            AmbientUnit("os.getcwd", "", self._folder_look, self._folder_tell, self._folder_take),
            AmbientUnit("sys.path", "", lambda: tuple(sys.path), self._path_tell, self._path_take),
            AmbientUnit(
                "os.environ", "", self._variables_look, self._variables_tell, self._variables_take
            ),
        )

    def _folder_look(self) -> str:
        """Return the working folder; the first one, if somebody removed the one it is.

        Where a folder of that name is there again, it is entered.
        """
        try:
            return os.getcwd()
        except FileNotFoundError:
            if os.path.isdir(self.base):
                os.chdir(self.base)
            return self.base

    def _folder_tell(self) -> Any:
        return self._outward(self._folder_look())

    def _folder_take(self, told: Any) -> None:
        folder = self._inward(told)
        if os.path.isdir(folder):
            os.chdir(folder)

    def _path_tell(self) -> Any:
        added = [self._outward(p) for p in sys.path if p not in self._paths]
        front = [self._outward(p) for p in sys.path[: len(added)] if p not in self._paths]
        return front, [p for p in added if p not in front]

    def _path_take(self, told: Any) -> None:
        front, back = ([self._inward(p) for p in part] for part in told)
        others = [p for p in sys.path if p in self._paths and p not in front and p not in back]
        sys.path[:] = [*front, *others, *back]

    def _variables_look(self) -> Any:
        data: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
        return dict(data)

    def _variables_tell(self) -> Any:
        now = dict(os.environ)
        names = now.keys() | self._variables.keys() | self._told.keys()
        told: dict[str, str | None] = {}
        for name in names:
            value = now.get(name)
            if value == self._variables.get(name) and name not in self._told:
                continue
            if is_machines_own(name) or (value is not None and is_secret(name, value)):
                self.held_back.add(name)
            else:
                told[name] = value
        self._told = told
        return told

    def _variables_take(self, told: Any) -> None:
        for name, value in told.items():
            if is_machines_own(name):
                continue
            self._told[name] = value
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _outward(self, path: str) -> tuple[bool, str]:
        """Return (relative to our folder?, path)."""
        full = os.path.abspath(path) if path else path
        inside = full == self.base or full.startswith(self.base + os.sep)
        return (True, os.path.relpath(full, self.base)) if inside else (False, path)

    def _inward(self, told: Any) -> str:
        relative, path = told
        return os.path.normpath(os.path.join(self.base, path)) if relative else str(path)
