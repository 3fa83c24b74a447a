"""Patterns of `.gitignore` decide as Git does; compared with `git check-ignore`."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from jupyter_remote_gpu.files.patterns import Patterns

CASES = [
    ("*\n!*/\n!*.py", ["a", "a.py", "d/", "d/a", "d/a.py"]),
    ("build", ["build", "build/", "x/build", "build2"]),
    ("build/", ["build", "build/", "x/build/"]),
    ("/dist", ["dist/", "x/dist"]),
    ("a/b", ["a/b", "x/a/b", "a/b/"]),
    ("x/**", ["x/", "x/y", "x/y/z"]),
    ("**/x", ["x", "a/x", "a/b/x", "ax"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "ab", "a/xb"]),
    ("*.log\n!keep.log", ["a.log", "keep.log", "d/keep.log"]),
    ("f[a-c]", ["fa", "fc", "fd", "f-"]),
    ("f[!a-c]", ["fa", "fd", "f"]),
    ("f[]-]", ["f]", "f-", "fa"]),
    ("f[[:digit:]x]", ["f1", "fx", "fy"]),
    ("f[[:nope:]]", ["f1", "f:"]),
    ("\\#a\n\\!b\n#c", ["#a", "!b", "#c"]),
    ("trail  \nkept\\ ", ["trail", "trail  ", "kept ", "kept"]),
    ("a\r\nb", ["a", "b"]),
    ("?", ["a", "ä", "ab"]),
    ("a**b", ["ab", "axb", "a/b"]),
    ("[a", ["[a", "a"]),
    ("x\\", ["x", "x\\"]),
    ("\ufefffirst", ["first"]),
    ("a*b*c*d", ["abcd", "axbxcxd", "a/b", "abcdd", "abcdx"]),
    ("/*\n!/keep", ["a", "keep", "keep/", "d/keep"]),
    ("a/*/c", ["a/b/c", "a/c", "a/b/x/c"]),
    ("***/z", ["z", "a/z", "a/b/z"]),
    ("d//e", ["d/e"]),
    ("!", ["!"]),
    ("/", ["a"]),
    ("**", ["a", "a/b"]),
    ("/**/", ["a/", "c", "a/b/"]),
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh Git repository."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def _told_by_git(folder: Path, paths: list[bytes]) -> dict[bytes, bool]:
    """Return whether a line says that a path is ignored; it speaks for parents too."""
    done = subprocess.run(
        [
            "git",
            "-c",
            "core.excludesFile=",
            "check-ignore",
            "--no-index",
            "-v",
            "-n",
            "-z",
            "--stdin",
        ],
        cwd=folder,
        input=b"\0".join(paths) + b"\0",
        stdout=subprocess.PIPE,
        check=False,
    )
    fields = done.stdout.split(b"\0")[:-1]
    return {
        fields[i + 3]: fields[i + 2] != b"" and not fields[i + 2].startswith(b"!")
        for i in range(0, len(fields), 4)
    }


def _told_by_us(text: bytes, path: bytes) -> bool:
    patterns = Patterns(text)
    parts = path.rstrip(b"/").split(b"/")
    for end in range(1, len(parts) + 1):
        is_folder = end < len(parts) or path.endswith(b"/")
        found = patterns.match(b"/".join(parts[:end]), is_folder=is_folder)
        if found is not None and not found.negated:
            return True
    return False


def _compare(folder: Path, text: bytes, paths: list[bytes]) -> None:
    for old in folder.iterdir():
        if old.name != ".git":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    # Git looks at the disk for what is a folder.
    for path in paths:
        where = os.path.join(os.fsencode(folder), path)
        os.makedirs(where if path.endswith(b"/") else os.path.dirname(where), exist_ok=True)
    (folder / ".gitignore").write_bytes(text)
    told = _told_by_git(folder, [path.rstrip(b"/") for path in paths])
    ours = {path.rstrip(b"/"): _told_by_us(text, path) for path in paths}
    assert ours == told, text


@pytest.mark.parametrize(("text", "paths"), CASES, ids=[text for text, _ in CASES])
def test_it_says_what_git_says(repository: Path, text: str, paths: list[str]) -> None:
    _compare(repository, text.encode(), [path.encode() for path in paths])


@pytest.mark.parametrize("seed", range(40))
def test_random_patterns_say_what_git_says(repository: Path, seed: int) -> None:
    rnd = random.Random(seed)
    parts = [b"*", b"**", b"?", b"a", b"b", b"/", b"/", b"[ab]", b"[!a]", b"\\a", b".", b"c", b"-"]
    lines = [
        rnd.choice([b"", b"", b"!"])
        + b"".join(rnd.choice(parts) for _ in range(rnd.randrange(1, 7)))
        + rnd.choice([b"", b"", b"/", b" "])
        for _ in range(rnd.randrange(1, 5))
    ]
    names = [b"a", b"b", b"c", b"ab", b"a.b", b"-", b"abc"]
    paths = {
        b"/".join(rnd.choice(names) for _ in range(rnd.randrange(1, 5))) + rnd.choice([b"", b"/"])
        for _ in range(60)
    }
    _compare(repository, b"\n".join(lines), sorted(_consistent(paths)))


def _consistent(paths: set[bytes]) -> set[bytes]:
    """Leave out paths that are a file in one place and a folder in another."""
    folders = {p[:i] for p in paths for i in range(len(p)) if p[i : i + 1] == b"/"}
    return {p for p in paths if p.endswith(b"/") or p not in folders} - {b"", b"/"}


def test_no_pattern_takes_exponential_time() -> None:
    patterns = Patterns(b"*a" * 60 + b"x")
    began = time.process_time()
    assert patterns.match(b"a" * 255, is_folder=False) is None
    assert time.process_time() - began < 5


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_need_no_encoding() -> None:
    assert Patterns(b"\xff*").match(b"\xff\xfe", is_folder=False) is not None
    assert Patterns(b"?").match(b"\xff", is_folder=False) is not None
