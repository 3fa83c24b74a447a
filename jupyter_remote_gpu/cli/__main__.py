"""`python -m jupyter_remote_gpu.cli`, where no script was installed."""

from __future__ import annotations

from .main import main

main()
