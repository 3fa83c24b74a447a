"""Start a kernel, or a warm parent of kernels: run as a file by the workspace's own Python.

    python launch.py --root FOLDER [--part FOLDER] KERNEL_ID CONNECTION_FILE JOURNAL LINE BELL
    python launch.py --root FOLDER [--part FOLDER] --warm FD

`--root` is the folder that holds this package, for environments that do not
have it installed, `--part` one that holds the few modules it needs besides.
Both go to the end of `sys.path`, so that nothing of the user's is shadowed; and
nothing of the user's is taken for ours: see `ours`. Nothing secret is in these
arguments: the connection file that holds the key is readable by this user alone.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path

_HASHES = ("blake3", "xxhash")
_PICKLES = "cloudpickle"
_LEAST_PICKLES = "_code_reduce"
"""What our part uses of cloudpickle; every version since 2.2 has it."""


def main(arguments: list[str]) -> None:
    """Put the paths right, then serve for good."""
    flag, root, *rest = arguments
    if flag != "--root":
        raise SystemExit(f"unexpected argument {flag!r}")
    # This file's folder was put first, where its modules could shadow the user's;
    # a notebook has the working directory there.
    sys.path[0] = ""
    if rest[0] == "--part":
        ours(root, rest[1])
        rest = rest[2:]
    if root not in sys.path:
        sys.path.append(root)
    if rest[0] == "--warm":
        from jupyter_remote_gpu.agent.kernel.warm import serve_warm

        serve_warm(int(rest[1]))
        return
    from jupyter_remote_gpu.agent.kernel.app import KernelPlace, serve

    kernel, connection_file, journal, line, bell = rest
    serve(KernelPlace(kernel, Path(connection_file), Path(journal), Path(line), Path(bell)))


def ours(root: str, part: str) -> None:
    """Load our modules from `root` and `part`, whatever the user's environment holds.

    An environment may have another blake3, or this package in another version.
    Ours are loaded first of all and keep their own; then the names are given back,
    and the user's code gets what his environment has, or else what lies in the
    part, behind everything. Of cloudpickle there can be only one, as pickles name
    it: the environment's if it has one that works.
    """
    with contextlib.suppress(Exception):  # a broken one is as good as none
        found = importlib.import_module(f"{_PICKLES}.cloudpickle")
        getattr(found, _LEAST_PICKLES)
    if not hasattr(sys.modules.get(f"{_PICKLES}.cloudpickle"), _LEAST_PICKLES):
        _forget(_PICKLES)
    sys.path[:0] = [root, part]
    try:
        importlib.import_module("jupyter_remote_gpu")
        # These bind the modules of the part, and are all that do.
        for name in ("chunks.fingerprint", "protocol.frames", "state.away"):
            importlib.import_module(f"jupyter_remote_gpu.{name}")
    finally:
        del sys.path[:2]
    for name in _HASHES:
        _forget(name)
    if part not in sys.path:
        sys.path.append(part)


def _forget(package: str) -> None:
    """Let the next import of a package find it anew."""
    for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
        del sys.modules[name]


if __name__ == "__main__":
    main(sys.argv[1:])
