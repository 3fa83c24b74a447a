"""A project to sync: source files in folders and a few large binaries, alike on every run.

The text is Python, JSON and Markdown from this interpreter's own library, so it
compresses as code does; the binaries are random and do not compress at all.
"""

from __future__ import annotations

import os
import random
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.files import secrets

KB, MB = 1_000, 1_000_000
_ENDS = (".py", ".pyi", ".json", ".md", ".txt", ".h", ".js", ".css")
_POOL_FILES = 4_000
_LARGEST = 300 * KB
_PACKAGES, _MODULES = 40, 10
INSERTED = b"#" * 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """How much is in a project: text files of so many bytes together, binaries of so many each."""

    files: int
    text_bytes: int
    binaries: int
    binary_bytes: int


FULL = Shape(10_000, 150 * MB, 3, 100 * MB)
QUICK = Shape(300, 3 * MB, 2, 3 * MB)


class SampleProject:
    """The project in a folder, and what somebody does to it between two syncs."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self._shape = shape
        self._count = 0
        self._renamed = folder / "pkg03"
        _write(folder, shape)

    def leave(self) -> None:
        """Change nothing."""

    def edit_line(self) -> None:
        """Change a line in the middle of a source file, as an editor saves it."""
        self._count += 1
        path = sorted((self.folder / "pkg07" / "mod5").iterdir())[0]
        lines = path.read_bytes().split(b"\n")
        lines[len(lines) // 2] = b"x = %d" % self._count
        path.write_bytes(b"\n".join(lines))

    def rename_folder(self) -> None:
        """Give a folder with a fortieth of the files another name."""
        self._count += 1
        new = self.folder / f"pkg03-{self._count}"
        self._renamed.rename(new)
        self._renamed = new

    def insert(self) -> None:
        """Put a kilobyte into the middle of a large file."""
        path = self.folder / "data" / "weights0.bin"
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(data[:middle] + INSERTED + data[middle:])

    def contents(self) -> dict[str, bytes]:
        """Return every file's bytes by path."""
        return contents(self.folder)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in a folder, by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def write_many(folder: Path, files: int) -> None:
    """Write many tiny files, a hundred to a folder: for walks."""
    for start in range(0, files, 100):
        here = folder / f"d{start // 10_000:03d}" / f"d{start // 100:05d}"
        here.mkdir(parents=True)
        for n in range(start, min(start + 100, files)):
            (here / f"f{n:06d}.txt").write_bytes(b"%d\n" % n)


def _write(folder: Path, shape: Shape) -> None:
    chance = random.Random(7)
    pool = list(_pool(chance))
    left = shape.text_bytes
    for n in range(shape.files):
        mean = left / (shape.files - n)
        wanted = min(max(80, int(mean * chance.lognormvariate(-0.6, 1.1))), _LARGEST)
        name, source = pool[n % len(pool)]
        body = b"# file %d\n%s" % (n, source)
        while len(body) < wanted:
            body += chance.choice(pool)[1]
        body = body[:wanted]
        left -= len(body)
        module = folder / f"pkg{n % _PACKAGES:02d}" / f"mod{n // _PACKAGES % _MODULES}"
        module.mkdir(parents=True, exist_ok=True)
        (module / f"f{n:05d}{os.path.splitext(name)[1]}").write_bytes(body)
    (folder / "data").mkdir()
    for n in range(shape.binaries):
        data = random.Random(100 + n).randbytes(shape.binary_bytes)
        (folder / "data" / f"weights{n}.bin").write_bytes(data)


def _pool(chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of source files; none that looks like a secret, which would stay."""
    paths = []
    for root in (sysconfig.get_paths()["purelib"], sysconfig.get_paths()["stdlib"]):
        for folder, below, names in os.walk(root):
            below[:] = sorted(name for name in below if name != "__pycache__")
            paths += [os.path.join(folder, name) for name in sorted(names) if name.endswith(_ENDS)]
    chance.shuffle(paths)
    for path in paths[:_POOL_FILES]:
        data = Path(path).read_bytes()
        if (
            200 < len(data) < 4 * _LARGEST
            and secrets.look(b"x", data[: secrets.LOOKED_AT_BYTES]) == secrets.Look()
        ):
            yield path, data
