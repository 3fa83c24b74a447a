"""One lock: exactly which files of which packages an environment on a machine is made of."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from jupyter_remote_gpu.protocol.steps import Step, Told

from .fetching import fetch
from .kept import keep, kept, key_of
from .making import make
from .needs import Needs
from .pylock import write_pylock
from .target import Target

DIGEST_LETTERS = 32


@dataclass(frozen=True, slots=True)
class Lock:
    """What a machine installs.

    `text` is a pylock.toml (PEP 751): each package with the address and hash of its
    file, so that no index is asked there. It holds no password. `digest` names the
    content; `packages` is {name: version}; `notes` are sentences for the user on what
    is different from here or left out. `only_here` are packages whose files lie on this
    computer's disk (`files_here`: {place below a uv cache folder: path}); `fetch_packages`
    brings them. `index_arguments` is what a machine's own `uv` needs besides: nothing, as
    addresses are whole.

    A machine writes the text into its uv cache folder as `pylock.NAME.toml`, as places of
    carried files are relative to it.
    """

    text: str
    digest: str
    packages: Mapping[str, str]
    notes: tuple[str, ...] = ()
    only_here: tuple[str, ...] = ()
    index_arguments: tuple[str, ...] = ()
    files_here: Mapping[str, str] = field(default_factory=dict)

    @property
    def fetchable(self) -> tuple[str, ...]:
        """Return what a machine with internet needs not be brought, as "name==version"."""
        return tuple(f"{n}=={v}" for n, v in self.packages.items() if n not in self.only_here)


def make_lock(
    needs: Needs, target: Target, cache: Path, told: Told, without: Collection[str] = ()
) -> Lock:
    """Return the lock of `needs` for `target`; blocks for a second or so where it is new.

    Kept in `cache` by content: the second time no program runs and no index is
    asked. Raises `PackagesError` if no choice of packages fits, with the reason in
    short, and `NoIndexError` if the package index cannot be reached. `without` are
    packages that turned out to be impossible to build on the machine: they are left
    out, and named.
    """
    key = key_of(needs, target, without)
    found = kept(cache, key)
    if found is None:
        told(Step(f"choosing packages for {target.words}"))
        with tempfile.TemporaryDirectory(prefix="lock-") as work:
            made = make(needs, target, Path(work).resolve(), without)
        found = {
            "text": write_pylock(made.packages),
            "packages": {one.name: one.version for one in made.packages},
            "notes": list(dict.fromkeys(made.notes)),
            "only_here": [one.name for one in made.packages if one.only_here],
            "files_here": {
                file.place: file.where for one in made.packages for file in one.files if file.local
            },
            "degraded": made.degraded,
        }
        keep(cache, key, found)
    return Lock(
        text=found["text"],
        digest=blake3(found["text"].encode()).hexdigest()[:DIGEST_LETTERS],
        packages=found["packages"],
        notes=tuple(found["notes"]),
        only_here=tuple(found["only_here"]),
        files_here=found["files_here"],
    )


def fetch_packages(
    lock: Lock, target: Target, cache: Path, told: Told, have: Collection[str] = ()
) -> Path:
    """Return an archive (.tar.gz) of the packages of `lock` for a machine that cannot fetch them.

    Unpacked over the machine's uv cache folder, next to what is there, it lets `uv`
    install all of them with `--offline`. `have` ("name==version") are packages that
    the machine has or gets by itself. Blocks while files are fetched; each is fetched
    once, whatever project needs it. Raises `NoIndexError` and `PackagesError`.
    """
    return fetch(lock.text, lock.files_here, target, cache, told, have)
