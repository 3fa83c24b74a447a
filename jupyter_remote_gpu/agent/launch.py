"""Start the agent: run as a file, by a Python that may not have this package installed."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[2])


def main() -> int:
    """Let this package be found, behind everything else, and serve."""
    # This file's folder was put first; its modules must not be taken for others'.
    sys.path.pop(0)
    if _ROOT not in sys.path:
        sys.path.append(_ROOT)
    from jupyter_remote_gpu.agent.__main__ import main as serve

    return serve()


if __name__ == "__main__":
    raise SystemExit(main())
