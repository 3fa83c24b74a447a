"""Tokens and what users type in secret are nowhere but in memory."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.conftest import Notebooks

SECRET = "hunter2-sehr-geheim"


def _found(word: bytes, folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if word in path.read_bytes()]


def _processes_with(word: bytes) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                if word in (path / name).read_bytes():
                    found.append(f"{path}/{name}")
    return found


def test_the_token_is_in_one_file_of_the_users_own(notebooks: Notebooks) -> None:
    notebook = notebooks.open("token")
    notebook.remote("print('x')")
    own = notebook.home / "client-token"
    token = own.read_bytes()
    assert own.stat().st_mode & 0o077 == 0
    assert _found(token, notebook.home) == [own]
    assert _processes_with(token) == []


def test_what_is_typed_is_not_written_down(notebooks: Notebooks) -> None:
    notebook = notebooks.open("typed")
    code = "import getpass\ns = getpass.getpass('word: ')\nt = input('more: ')\nprint(len(s + t))"
    assert notebook.remote(code, answer=SECRET).text() == f"{2 * len(SECRET)}\n"
    notebook.run("%remote_gpu runs")
    assert _found(b"word: ", notebook.home) != []  # the prompt is, so the search works
    assert _found(SECRET.encode(), notebook.home) == []
    assert _processes_with(SECRET.encode()) == []


def test_sockets_and_folders_are_the_users_alone(notebooks: Notebooks) -> None:
    from jupyter_remote_gpu.agent.home import open_home

    notebook = notebooks.open("modes")
    notebook.remote("pass")
    place = open_home(notebook.home)
    for path in (place.home, place.runtime, place.socket, place.bell, place.home / "kernels"):
        assert path.stat().st_mode & 0o077 == 0, path
    for path in place.runtime.rglob("*"):
        private = path.stat().st_mode & 0o077 == 0
        assert private or path.parent.stat().st_mode & 0o077 == 0, path
