"""What is remembered between notebooks: machines by name, defaults, installed extras.

One JSON file in the user's own configuration folder. Notebooks, terminals and
whoever else come at once: each change reads, changes and replaces it under a
lock. It holds tokens, so nobody else may read it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.errors import RegistryError, RequestError, UnknownMachineError
from jupyter_remote_gpu.replacing import replaced

from .known import KnownMachine, Seen
from .nearest import did_you_mean, nearest

FILE = "machines.json"
LOCK = "machines.lock"
VERSION = 1
TOKEN_BYTES = 32
CLIENT_BYTES = 8
MOST_NOTEBOOKS = 2000
"""So many notebooks' defaults are kept; those set longest ago go first."""
_PARTS = ("machines", "defaults", "extras")


class Registry:
    """The file of one user, in `folder`. Any process, any thread; blocks for disk only.

    `told` is called with a sentence if the file was damaged: it is then kept
    under another name, and an empty one begun. Raises RegistryError where the
    file cannot be read or written, or was written by a later version.
    """

    def __init__(self, folder: Path, told: Callable[[str], None] = lambda text: None) -> None:
        self._folder = folder
        self._told = told

    @property
    def path(self) -> Path:
        """The file itself, for messages."""
        return self._folder / FILE

    @property
    def client(self) -> str:
        """This client's random id: the same for ever, known to the machines that are used."""
        found = self._read().get("client")
        if found:
            return str(found)
        with self._changing() as content:
            return str(content.setdefault("client", secrets.token_hex(CLIENT_BYTES)))

    # -- machines -------------------------------------------------------------------------------

    def machines(self) -> dict[str, KnownMachine]:
        """Return all machines that were added, by name, in the order of adding."""
        return _machines(self._read())

    def find(self, name: str) -> KnownMachine:
        """Return the machine of that name; UnknownMachineError with the nearest names."""
        return _find(self.machines(), name)

    def add(self, machine: KnownMachine) -> KnownMachine:
        """Remember a machine, with a new token if it has none; RequestError if its name is taken.

        Returns it as it is remembered.
        """
        kept = machine if machine.token else replace(machine, token=new_token())
        with self._changing() as content:
            if machine.name in content["machines"]:
                raise name_taken(_find(_machines(content), machine.name))
            content["machines"][kept.name] = kept.pack()
        return kept

    def change(self, name: str, **fields: Any) -> KnownMachine:
        """Change fields of a machine (those of `KnownMachine`) and return it as it is now."""
        with self._changing() as content:
            changed = replace(_find(_machines(content), name), **fields)
            content["machines"][name] = changed.pack()
        return changed

    def saw(self, name: str, seen: Seen, agent: dict[str, Any] | None = None) -> None:
        """Note what was found on a machine; nothing happens if it was forgotten meanwhile."""
        with contextlib.suppress(UnknownMachineError):
            self.change(name, seen=seen, **({} if agent is None else {"agent": agent}))

    def forget(self, name: str) -> None:
        """Remember a machine no longer, nor that notebooks use it."""
        with self._changing() as content:
            _find(_machines(content), name)
            del content["machines"][name]
            for place, used in list(content["defaults"].items()):
                if used == name:
                    del content["defaults"][place]

    # -- defaults -------------------------------------------------------------------------------

    def default(self, *places: str) -> str | None:
        """Return the machine that the first of `places` with one uses; None if none has one.

        A place is the path of a notebook or of a project's folder.
        """
        defaults = self._read()["defaults"]
        return next((str(defaults[place]) for place in places if place in defaults), None)

    def use(self, place: str, name: str | None) -> None:
        """Let a place use a machine from now on; None forgets what it used."""
        with self._changing() as content:
            defaults = content["defaults"]
            defaults.pop(place, None)
            if name is not None:
                defaults[place] = name
            while len(defaults) > MOST_NOTEBOOKS:
                del defaults[next(iter(defaults))]

    # -- what was installed by hand -------------------------------------------------------------

    def extras(self, project: str) -> tuple[str, ...]:
        """Return the lines that were installed with %pip for a project, oldest first."""
        return tuple(str(line) for line in self._read()["extras"].get(project, ()))

    def record(self, project: str, lines: Iterable[str]) -> None:
        """Remember exactly these lines for a project from now on."""
        kept = list(dict.fromkeys(lines))
        with self._changing() as content:
            if kept:
                content["extras"][project] = kept
            else:
                content["extras"].pop(project, None)

    # -- the file -------------------------------------------------------------------------------

    def _read(self) -> dict[str, Any]:
        try:
            return _parsed(self.path.read_bytes())
        except FileNotFoundError:
            return _empty()
        except OSError as error:
            raise _unusable(self.path, error) from error
        except ValueError:
            with self._changing() as content:
                return content

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """Give the content to be changed; it is written if the block ends well."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _unusable(self.path, error) from error
        with os.fdopen(lock, "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            content = self._read_locked()
            before = json.dumps(content)
            yield content
            if json.dumps(content) != before or not self.path.exists():
                self._write(content)

    def _read_locked(self) -> dict[str, Any]:
        """Read the file; one that is damaged is put aside and told of."""
        try:
            return _parsed(self.path.read_bytes())
        except FileNotFoundError:
            pass  # the first use on this computer
        except OSError as error:
            raise _unusable(self.path, error) from error
        except ValueError as error:
            aside = self.path.with_name(f"{FILE}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
            aside = _free(aside)
            os.replace(self.path, aside)
            self._told(
                f"the list of machines was damaged ({error}); it is kept as {aside}, and an empty"
                " one is begun: add your machines again"
            )
        return _empty()

    def _write(self, content: dict[str, Any]) -> None:
        """Replace the file as a whole; it is the user's alone from its first moment."""
        try:
            with replaced(self.path, lasting=True) as file:
                file.write(json.dumps({"version": VERSION, **content}, indent=1).encode())
        except OSError as error:
            raise _unusable(self.path, error) from error


def new_token() -> str:
    """Return a new random token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def name_taken(machine: KnownMachine) -> RequestError:
    """Return the error for a second machine of one name."""
    return RequestError(
        f"There is a machine called {machine.name} already: {machine.host}.",
        hint=f"Take another name, or `%remote_gpu forget {machine.name}` first.",
    )


def _find(known: dict[str, KnownMachine], name: str) -> KnownMachine:
    if name in known:
        return known[name]
    names = ", ".join(known) or "none"
    raise UnknownMachineError(
        f"There is no added machine called '{name}'. Added: {names}.",
        hint=did_you_mean(nearest(name, known)) or f"`%remote_gpu add {name} HOST` adds one.",
    )


def _machines(content: dict[str, Any]) -> dict[str, KnownMachine]:
    return {n: KnownMachine.unpack(n, fields) for n, fields in content["machines"].items()}


def _empty() -> dict[str, Any]:
    return {part: {} for part in _PARTS}


def _parsed(data: bytes) -> dict[str, Any]:
    """Return a file's content; ValueError if it is damaged."""
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    version = found.pop("version", None)
    if isinstance(version, int) and version > VERSION:
        raise RegistryError(
            f"the list of machines was written by a later version of this package ({version})",
            hint="Update this package; nothing was changed.",
        )
    content = {**_empty(), **found}
    if not all(isinstance(content[part], dict) for part in _PARTS):
        raise ValueError("a part of it is no object")
    _machines(content)
    return content


def _free(path: Path) -> Path:
    """Return the path, or one like it that nothing is at: a second damage keeps the first."""
    tried, number = path, 1
    while tried.exists():
        number += 1
        tried = path.with_name(f"{path.name}-{number}")
    return tried


def _unusable(path: Path, error: OSError) -> RegistryError:
    return RegistryError(
        f"the list of machines ({path}) cannot be used: {error.strerror or error}",
        hint="Is its folder yours, and the disk not full? The environment variable"
        " JUPYTER_REMOTE_GPU_SETTINGS names another.",
    )
