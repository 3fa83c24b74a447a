"""One lock: exactly which files of which packages an environment on a machine is made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_remote_gpu.errors import InternalError
from jupyter_remote_gpu.protocol.steps import Told

from .needs import Needs
from .target import Target


@dataclass(frozen=True, slots=True)
class Lock:
    """What a machine installs.

    `text` is a pylock.toml (PEP 751): each package with the address and hash of its
    file, so that no index is asked there: `uv pip sync --preview-features pylock
    pylock.toml`. It holds no password. `digest` names the content; `packages` is
    {name: version}; `notes` are sentences for the user on what is different from
    here or left out. `index_arguments` is for what a machine's own `uv` needs besides:
    nothing, as addresses are whole.
    """

    text: str
    digest: str
    packages: Mapping[str, str]
    notes: tuple[str, ...] = ()
    index_arguments: tuple[str, ...] = ()


def make_lock(needs: Needs, target: Target, cache: Path, told: Told) -> Lock:
    """Return the lock of `needs` for `target`; blocks for seconds where it is new.

    Kept in `cache` by content: the second time no program runs and no index is
    asked. Raises `PackagesError` if no choice of packages fits, with the reason in
    short, and `NoIndexError` if the package index cannot be reached.
    """
    raise InternalError("locking is being written")


def fetch_packages(
    lock: Lock, target: Target, cache: Path, told: Told, have: Collection[str] = ()
) -> Path:
    """Return an archive (.tar) of the packages of `lock` for a machine without internet.

    Unpacked over the machine's uv cache folder it lets `uv pip sync --offline` find
    all of them. `have` ("name==version") are packages that machine's cache has already.
    Blocks while files are fetched; raises `NoIndexError` and `PackagesError`.
    """
    raise InternalError("fetching is being written")
