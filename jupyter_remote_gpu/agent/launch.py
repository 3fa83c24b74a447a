"""Start the agent, or join a channel to it: run as a file, by a Python without this package."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[2])


def main() -> int:
    """Let this package be found, behind everything else, and serve."""
    # This file's folder was put first; its modules must not be taken for others'.
    sys.path.pop(0)
    for folder in (_ROOT, f"{_ROOT}/site"):
        if folder not in sys.path and Path(folder).is_dir():
            sys.path.append(folder)
    if sys.argv[1:2] and sys.argv[1] in ("connect", "replace"):
        from jupyter_remote_gpu.agent.splice import main as splice

        return splice(sys.argv[1:])
    from jupyter_remote_gpu.agent.__main__ import main as serve

    return serve()


if __name__ == "__main__":
    raise SystemExit(main())
