"""Start the agent, join a channel to it, or fetch; run as a file by any Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[2])
BROKEN = "what was installed here cannot be loaded"


def main() -> int:
    """Let this package be found, behind everything else, and serve.

    Where that cannot be loaded the client is told so, and installs it again.
    """
    # This file's folder was put first; its modules must not be taken for others'.
    sys.path.pop(0)
    for folder in (_ROOT, f"{_ROOT}/site"):
        if folder not in sys.path and Path(folder).is_dir():
            sys.path.append(folder)
    if sys.argv[1:] == ["fetch"]:
        from jupyter_remote_gpu.agent.datasets.fetching import main as fetch

        return fetch()
    joining = sys.argv[1:2] and sys.argv[1] in ("connect", "replace")
    try:
        if joining:
            from jupyter_remote_gpu.agent.splice import main as splice
        else:
            from jupyter_remote_gpu.agent.__main__ import main as serve
    except Exception as error:
        words = f"{BROKEN}: {type(error).__name__}: {error}"
        if joining:
            sys.stdout.write(f"{sys.argv[3]}\n{json.dumps({'missing': True, 'broken': words})}\n")
        sys.stderr.write(f"{words}\n")
        return 3
    return splice(sys.argv[1:]) if joining else serve()


if __name__ == "__main__":
    raise SystemExit(main())
