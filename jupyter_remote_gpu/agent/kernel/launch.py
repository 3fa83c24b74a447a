"""Start a kernel, or a warm parent of kernels: run as a file by the workspace's own Python.

    python launch.py --root FOLDER KERNEL_ID CONNECTION_FILE JOURNAL LINE BELL
    python launch.py --root FOLDER --warm FD

`--root` is the folder that holds this package, for environments that do not
have it installed; it goes to the end of `sys.path`, so that nothing of the
user's is shadowed. Nothing secret is in these arguments: the connection file
that holds the key is readable by this user alone.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Put the paths right, then serve for good."""
    flag, root, *rest = arguments
    if flag != "--root":
        raise SystemExit(f"unexpected argument {flag!r}")
    # This file's folder was put first, where its modules could shadow the user's;
    # a notebook has the working directory there.
    sys.path[0] = ""
    if root not in sys.path:
        sys.path.append(root)
    if rest[0] == "--warm":
        from jupyter_remote_gpu.agent.kernel.warm import serve_warm

        serve_warm(int(rest[1]))
        return
    from jupyter_remote_gpu.agent.kernel.app import KernelPlace, serve

    kernel, connection_file, journal, line, bell = rest
    serve(KernelPlace(kernel, Path(connection_file), Path(journal), Path(line), Path(bell)))


if __name__ == "__main__":
    main(sys.argv[1:])
